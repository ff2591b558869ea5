//! Distinguished names, with the string types and characters that Go accepts.

use der::asn1::ObjectIdentifier;

use crate::reader::{Elements, Fault, SEQUENCE, SET};

const UTF8_STRING: u8 = 12;
const NUMERIC_STRING: u8 = 18;
const PRINTABLE_STRING: u8 = 19;
const TELETEX_STRING: u8 = 20;
const IA5_STRING: u8 = 22;
const BMP_STRING: u8 = 30;

/// Attribute types with a short name (RFC 4514, section 3).
const SHORT: &[(&[u8], &str)] = &[
    (ObjectIdentifier::new_unwrap("2.5.4.3").as_bytes(), "CN"),
    (ObjectIdentifier::new_unwrap("2.5.4.6").as_bytes(), "C"),
    (ObjectIdentifier::new_unwrap("2.5.4.7").as_bytes(), "L"),
    (ObjectIdentifier::new_unwrap("2.5.4.8").as_bytes(), "ST"),
    (ObjectIdentifier::new_unwrap("2.5.4.10").as_bytes(), "O"),
    (ObjectIdentifier::new_unwrap("2.5.4.11").as_bytes(), "OU"),
];

/// Maximum length of a name in a message.
const SHOWN: usize = 100;

/// Subject or issuer of a certificate.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Name {
    /// Its DER, by which issuers are found.
    pub(crate) der: Vec<u8>,
    /// Readable form, most specific part first.
    pub(crate) text: String,
}

impl Name {
    /// Reads the content of an RDNSequence.
    pub(crate) fn read(content: &[u8]) -> Result<Self, Fault> {
        let mut parts = Vec::new();
        let mut sets = Elements::of(content);
        while !sets.is_empty() {
            let mut set = sets.within(SET).ok_or("malformed name")?;
            while !set.is_empty() {
                let mut attribute = set.within(SEQUENCE).ok_or("malformed name")?;
                let kind = attribute.oid().ok_or("malformed attribute type in a name")?;
                let (tag, value) = attribute.any().ok_or("malformed attribute in a name")?;
                parts.push(format!("{}={}", short(kind), text(tag, value)?));
            }
        }
        parts.reverse();
        Ok(Self { der: content.to_vec(), text: shown(&parts.join(",")) })
    }
}

fn short(kind: &[u8]) -> String {
    let known = SHORT.iter().find(|(oid, _)| *oid == kind);
    known.map_or_else(|| dotted(kind), |(_, short)| (*short).to_owned())
}

/// The dotted form of an object identifier.
pub(crate) fn dotted(oid: &[u8]) -> String {
    ObjectIdentifier::from_bytes(oid).map_or_else(|_| "of an unusual form".to_owned(), |oid| oid.to_string())
}

/// Text from a certificate can contain anything: control characters are escaped, and it is truncated.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars().take(SHOWN) {
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

fn text(tag: u8, value: &[u8]) -> Result<String, Fault> {
    let ascii = |fault: Fault, allowed: fn(&u8) -> bool| {
        let all = value.iter().all(allowed);
        if all { Ok(String::from_utf8_lossy(value).into_owned()) } else { Err(fault) }
    };
    match tag {
        PRINTABLE_STRING => ascii("invalid PrintableString in a name", is_printable),
        IA5_STRING => ascii("invalid IA5String in a name", u8::is_ascii),
        NUMERIC_STRING => ascii("invalid NumericString in a name", |byte| matches!(byte, b'0'..=b'9' | b' ')),
        UTF8_STRING => String::from_utf8(value.to_vec()).map_err(|_| "invalid UTF8String in a name"),
        // Treated as Latin-1, as all implementations do.
        TELETEX_STRING => Ok(value.iter().copied().map(char::from).collect()),
        BMP_STRING => bmp(value).ok_or("invalid BMPString in a name"),
        _ => Err("a name has a value that is not a string"),
    }
}

/// Includes `*` and `&`, which the standard does not allow but certificates contain.
fn is_printable(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b" '()+,-./:=?*&".contains(byte)
}

fn bmp(value: &[u8]) -> Option<String> {
    let (pairs, []) = value.as_chunks::<2>() else { return None };
    let pairs = pairs.strip_suffix(&[[0, 0]]).unwrap_or(pairs);
    let character = |pair: &[u8; 2]| match u16::from_be_bytes(*pair) {
        0xfffe | 0xffff | 0xfdd0..=0xfdef => None,
        point => char::from_u32(point.into()),
    };
    pairs.iter().map(character).collect()
}
