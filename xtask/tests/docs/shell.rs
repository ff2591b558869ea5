//! Shell blocks.

use std::process::Command;

use super::{none, pages, root, sources};

/// The marks of the shell blocks of a page: the name of a block that a test runs, `not-run`, or nothing.
fn marks(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.trim_start().strip_prefix("```sh")).map(str::trim)
}

#[test]
fn shell_blocks_are_run_by_a_test_or_marked_as_not_run() {
    let tests = ["tests/e2e/src", "tests/apiserver/tests"].map(|folder| root().join(folder));
    let sources = sources().into_iter().filter(|(path, _)| tests.iter().any(|tests| path.starts_with(tests)));
    let sources: String = sources.map(|(_, text)| text).collect();
    let is_fault = |mark: &&str| *mark != "not-run" && !sources.contains(&format!("\"{mark}\""));
    let (mut count, mut faults) = (0, Vec::new());
    for (path, text) in pages() {
        count += marks(&text).filter(|mark| *mark != "not-run").count();
        let of_page = marks(&text).filter(is_fault);
        faults.extend(of_page.map(|mark| {
            format!("{}: no test runs shell block {mark:?}: mark it `sh not-run`, or run it", path.display())
        }));
    }
    assert!(count > 10, "{count} blocks have a name");
    none(&faults);
}

/// The shell blocks of a page: of transcripts the lines after a prompt.
fn scripts(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.by_ref().map(str::trim_start).find(|line| line.starts_with("```")) {
        let block: Vec<_> = lines.by_ref().take_while(|line| !line.trim_start().starts_with("```")).collect();
        if line.starts_with("```sh") {
            found.push(block.join("\n"));
        } else if line == "```console" {
            let mut is_command = false;
            let commands = block.iter().filter_map(|line| {
                let start = line.strip_prefix("$ ").or_else(|| line.strip_prefix("# "));
                let command = start.or(is_command.then_some(*line))?;
                is_command = command.ends_with('\\');
                Some(command)
            });
            found.push(commands.collect::<Vec<_>>().join("\n"));
        }
    }
    found
}

#[test]
fn shell_blocks_are_valid_shell() {
    let mut faults = Vec::new();
    for (path, text) in pages() {
        for script in scripts(&text) {
            let output = Command::new("bash").args(["-n", "-c", &script]).output().unwrap();
            if !output.status.success() {
                let error = String::from_utf8_lossy(&output.stderr).into_owned();
                faults.push(format!("{}: {error}{script}", path.display()));
            }
        }
    }
    none(&faults);
}
