//! Output to the terminal: manifests, and texts that may quote input.

use serde_json::Value;

use crate::cli::Manifest;

pub(crate) fn manifest(object: &Value, form: Manifest) -> anyhow::Result<()> {
    match form {
        Manifest::Yaml => print!("{}", serde_saphyr::to_string(object)?),
        Manifest::Json => println!("{}", serde_json::to_string_pretty(object)?),
    }
    Ok(())
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
