//! Output to the terminal: manifests, and texts that may quote input. `print!` is not used: it panics when the
//! reader, such as `head`, has closed the pipe.

use std::io::{ErrorKind, Write, stdout};

use anyhow::Context;
use serde::Serialize;
use serde_json::Value;

use crate::cli::Manifest;

/// The reader of standard output closed it.
#[derive(Debug, thiserror::Error)]
#[error("standard output was closed")]
pub(crate) struct Closed;

/// Writes `text` unchanged.
pub(crate) fn text(text: &str) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Closed.into()),
        written => written.context("failed to write to standard output"),
    }
}

/// Writes `line` and a line break.
pub(crate) fn line(line: &str) -> anyhow::Result<()> {
    text(&format!("{line}\n"))
}

pub(crate) fn json(value: &(impl Serialize + ?Sized)) -> anyhow::Result<()> {
    line(&serde_json::to_string_pretty(value)?)
}

pub(crate) fn manifest(object: &Value, form: Manifest) -> anyhow::Result<()> {
    match form {
        Manifest::Yaml => text(&serde_saphyr::to_string(object)?),
        Manifest::Json => json(object),
    }
}

/// `text` without characters that control a terminal or are invisible: a name in a certificate can contain them.
pub(crate) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '\'' | '\\' => printable.push(character),
            _ => printable.extend(character.escape_debug()),
        }
    }
    printable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_not_printed() {
        assert_eq!(printable("a \"b\" 'c' \\ ä"), "a \"b\" 'c' \\ ä");
        assert_eq!(printable("\u{1b}[2J\r\n\u{202e}x"), "\\u{1b}[2J\\r\\n\\u{202e}x");
    }
}
