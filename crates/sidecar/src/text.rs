//! Texts from outside are cut where they enter: they are repeated in status, events and logs, and an object of the API
//! server has a size limit.

use serde::{Deserialize, Deserializer};

/// Longest text that is kept, in bytes.
pub(crate) const LIMIT: usize = 4096;

/// `text` without surrounding whitespace, cut to 4096 bytes at the boundary of a character. For every text that is not
/// ours: of sidecars, the kubelet, the API server.
pub fn cut(text: &str) -> String {
    let text = text.trim();
    if text.len() <= LIMIT {
        return text.to_owned();
    }
    format!("{}… ({} bytes)", &text[..text.floor_char_boundary(LIMIT)], text.len())
}

/// Reads an optional text, cut.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.as_deref().map(cut))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(cut(" short\n"), "short");
        let long = cut(&format!("a{}", "é".repeat(1 << 19)));
        assert!(long.len() < LIMIT + 30, "{}", long.len());
        assert!(long.starts_with("aéé") && long.ends_with("é… (1048577 bytes)"), "{long}");
    }
}
