//! Bearer tokens in texts from outside. A server that repeats the token that it was sent, in an error for example,
//! would otherwise publish it in a status. Tokens are recognized by their form: a sidecar can repeat one that was sent
//! with another request, and that is valid for some time after it was renewed.

use std::borrow::Cow;

/// What a JSON Web Token starts with, such as one of a ServiceAccount: `{"` in base64.
const WEB_TOKEN: &[u8] = b"eyJ";
/// What precedes a token of any form in a header.
const SCHEME: &[u8] = b"bearer ";
/// Shorter words are not tokens: "bearer token is missing".
const SHORTEST: usize = 16;

/// `text` with `(masked)` in place of each token.
pub(crate) fn masked(text: &str) -> Cow<'_, str> {
    let mut masked = String::new();
    // What of `text` is in `masked`.
    let mut done = 0;
    let mut at = 0;
    while at < text.len() {
        match token(&text.as_bytes()[at..]) {
            Some((start, length)) => {
                masked.push_str(&text[done..at + start]);
                masked.push_str("(masked)");
                at += start + length;
                done = at;
            }
            None => at += 1,
        }
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    masked.push_str(&text[done..]);
    Cow::Owned(masked)
}

/// Where the token is that these bytes start with, if they do: after its scheme, and its length.
fn token(bytes: &[u8]) -> Option<(usize, usize)> {
    let has_scheme = bytes.get(..SCHEME.len()).is_some_and(|start| start.eq_ignore_ascii_case(SCHEME));
    let start = if has_scheme {
        SCHEME.len()
    } else if bytes.starts_with(WEB_TOKEN) {
        0
    } else {
        return None;
    };
    let length = bytes[start..].iter().take_while(|byte| is_part(**byte)).count();
    (length >= SHORTEST).then_some((start, length))
}

/// Characters of a token by RFC 6750.
fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_masked_and_nothing_else() {
        let web = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlIn0.c2lnbmF0dXJl_-";
        for (text, expected) in [
            (format!("no access with {web}, sorry"), "no access with (masked), sorry"),
            (format!("é{web}é{web}"), "é(masked)é(masked)"),
            (format!(r#"{{"Authorization":"Bearer {web}"}}"#), r#"{"Authorization":"Bearer (masked)"}"#),
            ("BEARER 0123456789abcdef==".to_owned(), "BEARER (masked)"),
        ] {
            assert_eq!(masked(&text), expected);
        }
        for text in ["", "bearer token is missing", "an eyJ", "key of the Sei configuration", "Bearer é"] {
            assert_eq!(masked(text), text);
        }
    }
}
