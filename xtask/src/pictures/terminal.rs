//! A recording of a command in a terminal.

use std::{ffi::OsStr, process::Command};

use anstyle_svg::Term;
use anyhow::Context;

/// Width of the terminal, which continues a longer line on the next one.
const COLUMNS: usize = 120;

/// Runs a command in a terminal, and returns what the terminal shows: the prompt with the command as `shown`, and the output.
pub(super) fn record(
    shown: &str,
    command: &str,
    environment: &[(&str, &dyn AsRef<OsStr>)],
) -> anyhow::Result<String> {
    // script(1) of util-linux connects it with a terminal.
    let in_terminal = format!("stty cols {COLUMNS}; {command}");
    let output = Command::new("script")
        .args(["--quiet", "--command", &in_terminal, "/dev/null"])
        .envs(environment.iter().map(|(name, value)| (name, value.as_ref())))
        .env_remove("NO_COLOR")
        .env("TERM", "xterm-256color")
        .output()
        .context("run script")?;
    let printed = String::from_utf8_lossy(&output.stdout).replace('\r', "");
    let lines: Vec<_> = printed.trim_end().lines().map(wrapped).collect();
    Ok(format!("\x1b[1m$ {shown}\x1b[0m\n{}\n", lines.join("\n")))
}

/// A picture of a recording.
pub(super) fn svg(recording: &str) -> String {
    Term::new().render_svg(recording)
}

/// A line as the terminal shows it. Escape sequences take no space.
fn wrapped(line: &str) -> String {
    let (mut width, mut in_escape) = (0, false);
    let mut shown = String::new();
    for character in line.chars() {
        if in_escape || character == '\x1b' {
            in_escape = character != 'm';
        } else if width == COLUMNS {
            shown.push('\n');
            width = 1;
        } else {
            width += 1;
        }
        shown.push(character);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_continue_on_the_next_one_and_keep_their_colors() {
        let long = format!("\x1b[31m{}\x1b[0m", "x".repeat(COLUMNS + 5));
        assert_eq!(wrapped(&long), format!("\x1b[31m{}\nxxxxx\x1b[0m", "x".repeat(COLUMNS)));
        assert_eq!(wrapped("\x1b[1mshort\x1b[0m"), "\x1b[1mshort\x1b[0m");
    }

    #[test]
    fn a_picture_shows_the_command_and_its_output_in_color() {
        let recording = record("greet", "printf '\\033[32mhello\\033[0m\\n'", &[]).unwrap();
        let svg = svg(&recording);
        assert!(svg.contains("$ greet") && svg.contains(">hello<"), "{svg}");
    }
}
