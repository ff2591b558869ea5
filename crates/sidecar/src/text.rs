//! Texts from outside are truncated where they enter, and tokens in them masked: they are repeated in status,
//! events and logs, and objects of the API server have a size limit.

use serde::{Deserialize, Deserializer};

use crate::mask::masked;

/// Maximum length of a text, in bytes.
pub(crate) const LIMIT: usize = 4096;

/// `text` without surrounding whitespace and without tokens, truncated to 4096 bytes at a character boundary.
/// For every text from outside: from sidecars, the kubelet, the API server.
pub fn cut(text: &str) -> String {
    let text = text.trim();
    if text.len() <= LIMIT {
        return masked(text).into_owned();
    }
    format!("{}… ({} bytes)", masked(&text[..text.floor_char_boundary(LIMIT)]), text.len())
}

/// Deserializes an optional text, truncated.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.as_deref().map(cut))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_truncated_at_a_character_boundary() {
        assert_eq!(cut(" short\n"), "short");
        let long = cut(&format!("a{}", "é".repeat(1 << 19)));
        assert!(long.len() < LIMIT + 30, "{}", long.len());
        assert!(long.starts_with("aéé") && long.ends_with("é… (1048577 bytes)"), "{long}");
    }

    #[test]
    fn a_token_is_masked_also_where_the_text_is_truncated() {
        let token = format!("eyJhbGciOiJSUzI1NiJ9.{}.c2ln", "x".repeat(LIMIT));
        assert_eq!(cut(&format!("invalid token {token}")), "invalid token (masked)… (4136 bytes)");
    }
}
