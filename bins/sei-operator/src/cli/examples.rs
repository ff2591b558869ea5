//! Checks that the program accepts each of its command lines in the documentation.

use std::path::Path;

use clap::{CommandFactory, Parser, error::ErrorKind};

use super::Cli;

/// The pages with examples, with their text.
fn pages() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let docs = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let pages = pages.chain([root.join("README.md")]);
    pages.map(|path| (path.display().to_string(), std::fs::read_to_string(path).unwrap())).collect()
}

/// The calls of the program in shell blocks, without prompts, comments and pipes.
fn calls(page: &str) -> Vec<Vec<&str>> {
    let mut is_shell = false;
    let lines = page.lines().filter(|line| {
        if let Some(kind) = line.trim_start().strip_prefix("```") {
            is_shell = kind.starts_with("sh") || kind == "console";
        }
        is_shell
    });
    let calls = lines.filter_map(|line| {
        let call = line.trim_start().trim_start_matches("$ ");
        call.starts_with("sei-operator ").then(|| {
            let end = |word: &&str| !["#", "|", ">", "&&", "\\", "||"].contains(word);
            call.split_whitespace().take_while(end).map(|word| word.trim_matches(['"', '\'']))
        })
    });
    calls.map(Iterator::collect).collect()
}

#[test]
fn commands_in_the_documentation_are_accepted() {
    let mut count = 0;
    for (path, text) in pages() {
        for call in calls(&text) {
            count += 1;
            if let Err(error) = Cli::try_parse_from(&call) {
                // Continued on the next line.
                assert_eq!(
                    error.kind(),
                    ErrorKind::MissingRequiredArgument,
                    "{path}: {}: {error}",
                    call.join(" ")
                );
            }
        }
    }
    assert!(count > 20, "the examples are found, not {count}");
    Cli::command().debug_assert();
}

#[test]
fn commands_in_shell_blocks_are_found_with_their_arguments() {
    let page = "sei-operator no\n```sh\n$ sei-operator status -n \"NS\" | head  # all\nkubectl\n```\nsei-operator no\n";
    assert_eq!(calls(page), [["sei-operator", "status", "-n", "NS"]]);
}
