//! Image references, as container runtimes parse them.

use std::fmt;

/// An image that a container runtime can pull: an optional registry host, a lower-case name, and a tag, a
/// digest, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageReference<'a>(&'a str);

/// Why a text is not an image reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// Whitespace or a control character, often a trailing line break.
    #[error("it contains a space, a line break or another character that cannot be seen")]
    Blank,
    /// `https://` or another scheme.
    #[error("it has a scheme: remove everything up to ://")]
    Scheme,
    /// Capital letters before the tag.
    #[error("the name has capital letters: write it in lower case")]
    Capitals,
    /// No name, or an invalid one.
    #[error("the name must consist of lower-case letters and digits, separated by '.', '_', '-' or '/'")]
    Name,
    /// An invalid tag.
    #[error("the tag must have 1 to 128 letters, digits, '_', '.' or '-'")]
    Tag,
    /// An invalid digest.
    #[error("the digest must be sha256: and 64 hexadecimal digits in lower case (sha384: 96, sha512: 128)")]
    Digest,
}

impl<'a> ImageReference<'a> {
    /// Parses a reference.
    ///
    /// # Errors
    /// [`ImageError`], whose message names what to write instead.
    pub fn parse(text: &'a str) -> Result<Self, ImageError> {
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(ImageError::Blank);
        }
        if text.contains("://") {
            return Err(ImageError::Scheme);
        }
        let Parts { name, tag, digest } = Parts::of(text);
        if digest.is_some_and(|digest| !is_digest(digest)) {
            return Err(ImageError::Digest);
        }
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(ImageError::Tag);
        }
        if name.contains(|c: char| c.is_ascii_uppercase()) {
            return Err(ImageError::Capitals);
        }
        let path = name.split_once('/').filter(|(host, _)| is_host(host)).map_or(name, |(_, path)| path);
        if path.split('/').all(is_component) { Ok(Self(text)) } else { Err(ImageError::Name) }
    }

    /// The reference as written.
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// The name, without tag and digest.
    pub fn repository(self) -> &'a str {
        Parts::of(self.0).name
    }

    /// The tag, if it has one.
    pub fn tag(self) -> Option<&'a str> {
        Parts::of(self.0).tag
    }
}

impl fmt::Display for ImageReference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// `name[:tag][@digest]`; a colon before the last slash is the port of the registry.
struct Parts<'a> {
    name: &'a str,
    tag: Option<&'a str>,
    digest: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Self {
        let (tagged, digest) = match text.split_once('@') {
            Some((tagged, digest)) => (tagged, Some(digest)),
            None => (text, None),
        };
        match tagged.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')) {
            Some((name, tag)) => Self { name, tag: Some(tag), digest },
            None => Self { name: tagged, tag: None, digest },
        }
    }
}

fn is_digest(digest: &str) -> bool {
    let hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    digest.split_once(':').is_some_and(|(algorithm, value)| {
        let length = match algorithm {
            "sha256" => 64,
            "sha384" => 96,
            "sha512" => 128,
            _ => return false,
        };
        value.len() == length && hex(value)
    })
}

fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=128).contains(&tag.len())
        && tag.bytes().all(|byte| word(byte) || matches!(byte, b'-' | b'.'))
        && tag.bytes().next().is_some_and(word)
}

/// A host name or an IPv6 address in brackets, with or without a port.
fn is_host(text: &str) -> bool {
    let port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((address, rest)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        let is_address = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b':');
        return !address.is_empty()
            && address.bytes().all(is_address)
            && (rest.is_empty() || rest.strip_prefix(':').is_some_and(port));
    }
    let (host, after) = text.split_once(':').map_or((text, None), |(host, after)| (host, Some(after)));
    after.is_none_or(port) && host.split('.').all(is_dns_label)
}

/// Whether a text has the form of a part of a host name, of any length.
pub(crate) fn is_dns_label(label: &str) -> bool {
    label.bytes().all(|byte| is_letter(byte) || byte == b'-')
        && label.bytes().next().is_some_and(is_letter)
        && label.bytes().last().is_some_and(is_letter)
}

/// One component of a name: letters and digits, separated by `.`, `_`, `__` or dashes.
fn is_component(text: &str) -> bool {
    let mut rest = text;
    loop {
        let word = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii() && is_letter(c as u8)).len();
        if word == 0 {
            return false;
        }
        rest = &rest[word..];
        if rest.is_empty() {
            return true;
        }
        let dashes = rest.trim_start_matches('-');
        rest = match rest.strip_prefix("__").or_else(|| rest.strip_prefix(['.', '_'])) {
            Some(after) => after,
            None if dashes.len() < rest.len() => dashes,
            None => return false,
        };
    }
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_to_write_instead() {
        for (text, expected) in [
            ("ghcr.io/sei-protocol/sei:v6.4.2\n", ImageError::Blank),
            ("ghcr.io/sei protocol/sei", ImageError::Blank),
            ("https://ghcr.io/sei-protocol/sei", ImageError::Scheme),
            ("ghcr.io/Sei-Protocol/sei:v6", ImageError::Capitals),
            ("ghcr.io//sei", ImageError::Name),
            ("", ImageError::Name),
            ("sei:", ImageError::Tag),
            ("sei:.v6", ImageError::Tag),
            ("sei@sha256:abc", ImageError::Digest),
            ("sei@md5:0123456789abcdef0123456789abcdef", ImageError::Digest),
        ] {
            assert_eq!(ImageReference::parse(text), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn the_tag_is_not_the_port_of_the_registry() {
        let tag = |text: &str| ImageReference::parse(text).unwrap().tag().map(str::to_owned);
        assert_eq!(tag("localhost:5000/seictl"), None);
        assert_eq!(tag("localhost:5000/seictl:v0.0.50").as_deref(), Some("v0.0.50"));
        assert_eq!(tag(&format!("seictl:v1@sha256:{}", "0".repeat(64))).as_deref(), Some("v1"));
    }
}
