//! PEM text of a Secret, read so that the operator, rustls and the proxy's Go parser see the same blocks.
//! Go skips what it does not understand; here that is an error, because a skipped leaf is served as another one.

use rustls_pki_types::pem::{Error, PemObject, SectionKind};

use crate::problem::{PemFault, Problem};

/// The certificates of `entry` in file order, at least one.
pub(crate) fn certificates(entry: &'static str, text: &[u8]) -> Result<Vec<Vec<u8>>, Problem> {
    check_lines(entry, text)?;
    for label in labels(text) {
        if label.contains("PRIVATE KEY") {
            return Err(Problem::KeyAmongCertificates { entry });
        }
        if label != "CERTIFICATE" {
            return Err(stray(entry, label, "certificates"));
        }
    }
    let blocks = blocks(entry, text)?;
    if blocks.is_empty() {
        return Err(Problem::NotPem { entry, fault: PemFault::NoBlock });
    }
    Ok(blocks.into_iter().map(|(_, der)| der).collect())
}

/// The private key of `tls.key`: the first one, as Go's `tls.X509KeyPair` takes it.
pub(crate) fn private_key(text: &[u8]) -> Result<(SectionKind, Vec<u8>), Problem> {
    let entry = "tls.key";
    check_lines(entry, text)?;
    if text.windows(9).any(|window| window == b"ENCRYPTED") {
        return Err(Problem::EncryptedKey);
    }
    for label in labels(text) {
        if !label.ends_with("PRIVATE KEY") && label != "EC PARAMETERS" {
            return Err(stray(entry, label, "the private key"));
        }
    }
    let is_key = |kind: SectionKind| {
        matches!(kind, SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey)
    };
    let key = blocks(entry, text)?.into_iter().find(|(kind, _)| is_key(*kind));
    key.ok_or(Problem::NotPem { entry, fault: PemFault::NoBlock })
}

fn blocks(entry: &'static str, text: &[u8]) -> Result<Vec<(SectionKind, Vec<u8>)>, Problem> {
    <(SectionKind, Vec<u8>)>::pem_slice_iter(text)
        .collect::<Result<_, _>>()
        .map_err(|error| Problem::NotPem { entry, fault: fault(&error) })
}

/// The library's errors quote the line at fault, which may be the key: only their kind is kept.
fn fault(error: &Error) -> PemFault {
    match error {
        Error::MissingSectionEnd { .. } => PemFault::NoEnd,
        Error::IllegalSectionStart { .. } => PemFault::BeginLine,
        Error::Base64Decode(_) => PemFault::Base64,
        _ => PemFault::NoBlock,
    }
}

fn check_lines(entry: &'static str, text: &[u8]) -> Result<(), Problem> {
    if text.starts_with(b"\xef\xbb\xbf") {
        return Err(Problem::NotPem { entry, fault: PemFault::ByteOrderMark });
    }
    let begin = b"-----BEGIN";
    let mut begins = lines(text).filter(|line| line.windows(begin.len()).any(|window| window == begin));
    if begins.any(|line| label(line).is_none()) {
        return Err(Problem::NotPem { entry, fault: PemFault::BeginLine });
    }
    Ok(())
}

fn labels(text: &[u8]) -> impl Iterator<Item = &str> {
    lines(text).filter_map(label)
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| matches!(byte, b'\n' | b'\r'))
}

/// `X` of `-----BEGIN X-----`, capitals, digits and spaces only: nothing of a key can pass for one.
fn label(line: &[u8]) -> Option<&str> {
    let inner = line.trim_ascii_end().strip_prefix(b"-----BEGIN ")?.strip_suffix(b"-----")?;
    let plain = inner.iter().all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b' '));
    if plain && inner.len() <= 40 { std::str::from_utf8(inner).ok() } else { None }
}

fn stray(entry: &'static str, label: &str, allowed: &'static str) -> Problem {
    Problem::StrayBlock { entry, label: label.to_owned(), allowed }
}
