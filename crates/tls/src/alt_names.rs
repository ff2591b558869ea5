//! subjectAltName and the names within nameConstraints.

use crate::reader::{Elements, Fault, SEQUENCE, context, context_constructed};

const EMAIL: u8 = context(1);
const DNS: u8 = context(2);
const URI: u8 = context(6);
const IP: u8 = context(7);

/// Names of a certificate's subjectAltName.
#[derive(Default)]
pub(crate) struct AltNames {
    /// DNS names, as written.
    pub(crate) dns: Vec<String>,
    /// Whether it has e-mail addresses or URIs.
    pub(crate) mail_or_uri: bool,
    /// Whether it has a name of a kind that clients support.
    pub(crate) any: bool,
    /// The value itself, by which certificates of one CA are distinguished.
    pub(crate) value: Vec<u8>,
}

impl AltNames {
    /// Reads the extension's value.
    pub(crate) fn read(value: &[u8]) -> Result<Self, Fault> {
        const MALFORMED: Fault = "malformed subjectAltName";
        let mut names = Self { value: value.to_vec(), ..Self::default() };
        let mut list = Elements::of(value).within(SEQUENCE);
        let list = list.as_mut().ok_or(MALFORMED)?;
        while !list.is_empty() {
            let (tag, name) = list.any().ok_or(MALFORMED)?;
            match tag {
                EMAIL if !name.is_ascii() => return Err("an e-mail subjectAltName is not ASCII"),
                DNS if !name.is_ascii() => return Err("a DNS subjectAltName is not ASCII"),
                URI if !is_uri(name) => {
                    return Err("a URI subjectAltName is not of the form scheme://host/path");
                }
                IP if !matches!(name.len(), 4 | 16) => {
                    return Err("an IP subjectAltName is neither of 4 nor of 16 bytes");
                }
                EMAIL | URI => names.mail_or_uri = true,
                DNS => names.dns.push(String::from_utf8_lossy(name).into_owned()),
                IP => {}
                _ => continue,
            }
            names.any = true;
        }
        Ok(names)
    }

    /// Whether a TLS client in Go accepts a certificate with these names for `host`, a plain DNS name.
    pub(crate) fn cover(&self, host: &str) -> bool {
        let covers = |name: &String| {
            name.eq_ignore_ascii_case(host)
                || match (name.strip_prefix("*."), host.split_once('.')) {
                    (Some(parent), Some((_, domain))) => {
                        is_host_name(parent) && parent.eq_ignore_ascii_case(domain)
                    }
                    _ => false,
                }
        };
        self.dns.iter().any(covers)
    }

    /// Whether every DNS name can be compared with a name constraint.
    pub(crate) fn are_domains(&self) -> bool {
        self.dns.iter().all(|name| is_domain(name.as_bytes()))
    }
}

/// Reads the value of nameConstraints. `true` if it constrains kinds of names that Go does not support.
pub(crate) fn read_constraints(value: &[u8]) -> Result<bool, Fault> {
    const MALFORMED: Fault = "malformed nameConstraints";
    let mut outer = Elements::of(value);
    let mut lists = outer.within(SEQUENCE).filter(|_| outer.is_empty()).ok_or(MALFORMED)?;
    let permitted = lists.optional(context_constructed(0)).ok_or(MALFORMED)?;
    let excluded = lists.optional(context_constructed(1)).ok_or(MALFORMED)?;
    let subtrees = [permitted.unwrap_or_default(), excluded.unwrap_or_default()];
    if !lists.is_empty() || subtrees.iter().all(|list| list.is_empty()) {
        return Err(MALFORMED);
    }
    let mut unknown = false;
    for subtrees in subtrees {
        let mut subtrees = Elements::of(subtrees);
        while !subtrees.is_empty() {
            let subtree = subtrees.within(SEQUENCE).and_then(|mut subtree| subtree.any());
            let (tag, name) = subtree.ok_or(MALFORMED)?;
            let valid = match tag {
                DNS => is_constraint(name),
                EMAIL => is_mailbox(name) || is_constraint(name) && !name.contains(&b'@'),
                URI => is_constraint(name) && !is_address(name),
                IP => is_network(name),
                _ => {
                    unknown = true;
                    true
                }
            };
            if !valid {
                return Err(MALFORMED);
            }
        }
    }
    Ok(unknown)
}

/// A domain, or, with a leading dot, every domain below it.
fn is_constraint(name: &[u8]) -> bool {
    name != b"." && is_domain(name.strip_prefix(b".").unwrap_or(name))
}

/// Labels of visible ASCII characters separated by dots; or empty.
fn is_domain(name: &[u8]) -> bool {
    let label = |label: &[u8]| !label.is_empty() && label.iter().all(u8::is_ascii_graphic);
    name.is_empty() || name.split(|byte| *byte == b'.').all(label)
}

/// An address of the simple form; Go also accepts quoted ones.
fn is_mailbox(name: &[u8]) -> bool {
    let Some(at) = name.iter().position(|byte| *byte == b'@') else { return false };
    let (local, domain) = (&name[..at], &name[at + 1..]);
    let atom = |atom: &[u8]| {
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-+".contains(byte);
        !atom.is_empty() && atom.iter().all(allowed)
    };
    local.split(|byte| *byte == b'.').all(atom) && !domain.is_empty() && is_domain(domain)
}

fn is_address(name: &[u8]) -> bool {
    std::str::from_utf8(name).is_ok_and(|name| name.parse::<core::net::IpAddr>().is_ok())
}

/// An address and a mask: ones, then zeros.
fn is_network(name: &[u8]) -> bool {
    if !matches!(name.len(), 8 | 32) {
        return false;
    }
    let mut mask = name[name.len() / 2..].iter().skip_while(|byte| **byte == 0xff);
    let partial = mask.next().copied().unwrap_or_default();
    partial.leading_ones() + partial.trailing_zeros() == 8 && mask.all(|byte| *byte == 0)
}

/// A name that is valid in DNS; underscores are allowed.
fn is_host_name(name: &str) -> bool {
    let label = |label: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        !label.is_empty() && !label.starts_with('-') && label.bytes().all(allowed)
    };
    name.split('.').all(label)
}

/// An absolute URI of RFC 3986 without user information or an address in brackets, which Go's parser accepts;
/// or empty, which it accepts as well.
fn is_uri(uri: &[u8]) -> bool {
    let Some(colon) = uri.iter().position(|byte| *byte == b':') else { return uri.is_empty() };
    let (scheme, rest) = (&uri[..colon], &uri[colon + 1..]);
    let is_scheme = scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte));
    if !is_scheme || !has_uri_characters(rest) {
        return false;
    }
    let Some(rest) = rest.strip_prefix(b"//") else { return true };
    let end = rest.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(rest.len());
    let mut authority = rest[..end].splitn(2, |byte| *byte == b':');
    let (host, port) = (authority.next().unwrap_or_default(), authority.next().unwrap_or_default());
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(byte);
    host.iter().all(allowed) && is_domain(host) && port.iter().all(u8::is_ascii_digit)
}

fn has_uri_characters(mut rest: &[u8]) -> bool {
    while let Some((byte, after)) = rest.split_first() {
        rest = match (byte, after) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => after,
            (byte, after) if byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&'()*+,;=".contains(byte) => after,
            _ => return false,
        };
    }
    true
}
