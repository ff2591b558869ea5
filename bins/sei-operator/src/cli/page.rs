//! The reference page of the command line, which is the help text of each command.

use clap::{Command, CommandFactory};

use super::Cli;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/cli.md");
/// Set to write the page instead of comparing it.
const UPDATE: &str = "UPDATE_CLI_PAGE";
const HEAD: &str = "\
<!-- Generated from bins/sei-operator/src/cli by `UPDATE_CLI_PAGE=1 cargo test -p sei-operator cli::page`; do not edit. -->

# Command line

Exit codes: 0 done, 1 failed, 2 invalid input; others are named by the command.
";

fn page() -> String {
    let mut root = Cli::command();
    root.build();
    let mut text = HEAD.to_owned();
    for command in root.get_subcommands().filter(|command| command.get_name() != "help") {
        section(&mut text, command, "sei-operator", "##");
    }
    text
}

fn section(text: &mut String, command: &Command, parent: &str, level: &str) {
    let name = format!("{parent} {}", command.get_name());
    let help = command.clone().bin_name(&name).render_long_help().to_string();
    let lines: Vec<_> = help.lines().map(str::trim_end).collect();
    text.push_str(&format!("\n{level} {name}\n\n```text\n{}\n```\n", lines.join("\n").trim()));
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        section(text, inner, &name, &format!("{level}#"));
    }
}

#[test]
fn the_page_of_the_command_line_is_current() {
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(PATH, page()).unwrap();
    }
    let found = std::fs::read_to_string(PATH).unwrap_or_default();
    assert!(found == page(), "docs/reference/cli.md is stale: set {UPDATE}=1 for this test, and commit");
}
