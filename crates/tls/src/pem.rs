//! PEM text, read as Go's `encoding/pem` reads it: the Secret is loaded by a Go program.
//!
//! Go silently skips text that is almost a block. Here that is a fault, because the block after it would be taken in
//! its place.

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use crate::{pem_fault::PemFault, problem::Problem};

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"\n-----END ";
const DASHES: &[u8] = b"-----";

/// Go's decoder requires padding and ignores the unused bits of the last character.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// One block, from its BEGIN line to its END line.
struct Block<'a> {
    label: &'a [u8],
    /// Lines `name: value` before the base64.
    headers: Vec<&'a [u8]>,
    content: Vec<u8>,
    begins_at: usize,
    ends_at: usize,
}

/// The block of a private key.
pub(crate) struct Key {
    pub(crate) content: Vec<u8>,
    /// Whether it is encrypted according to its label or a header. Go does not check that.
    pub(crate) is_encrypted: bool,
}

/// The certificates of `entry` in file order, at least one.
pub(crate) fn certificates(entry: &'static str, text: &[u8]) -> Result<Vec<Vec<u8>>, Problem> {
    let blocks = blocks(entry, text)?;
    for block in &blocks {
        if block.is_private_key() {
            return Err(Problem::KeyAmongCertificates { entry });
        }
        if block.label != b"CERTIFICATE" {
            return Err(Problem::StrayBlock { entry, label: printable(block.label) });
        }
        // Go's certificate pools skip such a block, Go's servers do not.
        if entry != "tls.crt" && !block.headers.is_empty() {
            return Err(Problem::NotPem { entry, fault: PemFault::Headers });
        }
    }
    Ok(blocks.into_iter().map(|block| block.content).collect())
}

/// The private key of `tls.key`: the first one, as in Go's `tls.X509KeyPair`. Other blocks are harmless
/// there.
pub(crate) fn private_key(text: &[u8]) -> Result<Key, Problem> {
    let blocks = blocks("tls.key", text)?;
    let key = blocks.into_iter().find(Block::is_private_key);
    let key = key.ok_or(Problem::NotPem { entry: "tls.key", fault: PemFault::NoKey })?;
    Ok(Key { is_encrypted: key.is_encrypted(), content: key.content })
}

/// All blocks of `text`, at least one, with no malformed block between them.
fn blocks<'a>(entry: &'static str, text: &'a [u8]) -> Result<Vec<Block<'a>>, Problem> {
    let not_pem = |fault| Problem::NotPem { entry, fault };
    if let [0xef, 0xbb, 0xbf, ..] | [0xfe, 0xff, ..] | [0xff, 0xfe, ..] = text {
        return Err(not_pem(PemFault::ByteOrderMark));
    }
    let mut blocks = Vec::new();
    let mut at = 0;
    while let Some(block) = next(text, at) {
        check_skipped(text, at, block.begins_at).map_err(not_pem)?;
        at = block.ends_at;
        blocks.push(block);
    }
    check_skipped(text, at, text.len()).map_err(not_pem)?;
    if blocks.is_empty() { Err(not_pem(PemFault::NoBlock)) } else { Ok(blocks) }
}

/// The first complete block at or after `at`; `None` if Go finds no more.
fn next(text: &[u8], mut at: usize) -> Option<Block<'_>> {
    loop {
        let end = at + find(text.get(at..)?, END)?;
        let trailer = end + END.len();
        let from = std::mem::replace(&mut at, trailer);
        // The last BEGIN before this END: one without a matching END is not a block.
        let Some(begins_at) = find_last(&text[from..end], BEGIN).map(|begin| from + begin) else { continue };
        if begins_at > from && text[begins_at - 1] != b'\n' {
            continue;
        }
        let (line, mut body) = line(text, begins_at + BEGIN.len());
        let Some(label) = line.strip_suffix(DASHES) else { continue };
        let headers = headers(text, &mut body)?;
        if trailer < body {
            return None;
        }
        if !headers.is_empty() && end < body {
            continue;
        }
        let closing = text[trailer..].strip_prefix(label).and_then(|rest| rest.strip_prefix(DASHES));
        if closing.is_none_or(|rest| !self::line(rest, 0).0.is_empty()) {
            continue;
        }
        let Some(content) = decode(text.get(body..end).unwrap_or_default()) else { continue };
        let ends_at = self::line(text, end + 1).1;
        return Some(Block { label, headers, content, begins_at, ends_at });
    }
}

/// The header lines starting at `at`, which is moved past them; `None` if the text ends within them.
fn headers<'a>(text: &'a [u8], at: &mut usize) -> Option<Vec<&'a [u8]>> {
    let mut headers = Vec::new();
    while *at < text.len() {
        let (line, next) = line(text, *at);
        if !line.contains(&b':') {
            return Some(headers);
        }
        headers.push(line);
        *at = next;
    }
    None
}

/// The line at `at` without its line ending and trailing blanks, and the start of the next one.
fn line(text: &[u8], at: usize) -> (&[u8], usize) {
    let rest = &text[at..];
    let (line, next) = match rest.iter().position(|byte| *byte == b'\n') {
        Some(end) => (rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]), at + end + 1),
        None => (rest, text.len()),
    };
    let blanks = line.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    (&line[..line.len() - blanks], next)
}

fn decode(body: &[u8]) -> Option<Vec<u8>> {
    let kept = body.iter().copied().filter(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
    BASE64.decode(kept.collect::<Vec<u8>>()).ok()
}

/// Text that Go skips must not contain a BEGIN.
fn check_skipped(text: &[u8], from: usize, to: usize) -> Result<(), PemFault> {
    match find(&text[from..to], b"-----BEGIN") {
        Some(begin) => Err(fault(text, from + begin, to)),
        None => Ok(()),
    }
}

/// Why the text between `begin` and `to` is not a block.
fn fault(text: &[u8], begin: usize, to: usize) -> PemFault {
    let block = &text[begin..to];
    let (first, body) = line(text, begin);
    let label = first.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(DASHES));
    if !block.contains(&b'\n') && block.contains(&b'\r') {
        return PemFault::CarriageReturns;
    }
    let Some(label) = label.filter(|label| !label.contains(&b'-')) else { return PemFault::BeginLine };
    if begin > 0 && text[begin - 1] != b'\n' {
        return PemFault::BeginLine;
    }
    let closing = [b"-----END ", label, DASHES].concat();
    let Some(end) = find(block, &closing).map(|end| begin + end) else { return PemFault::NoEnd };
    if text[end - 1] != b'\n' || line(text, end).0 != closing {
        return PemFault::EndLine;
    }
    if decode(&text[body.min(end)..end]).is_none() { PemFault::Base64 } else { PemFault::Headers }
}

impl Block<'_> {
    fn is_private_key(&self) -> bool {
        self.label == b"PRIVATE KEY" || self.label.ends_with(b" PRIVATE KEY")
    }

    /// PKCS#8 keys are marked in the label, older forms in a header.
    fn is_encrypted(&self) -> bool {
        let marks = |header: &&[u8]| find(header, b"ENCRYPTED").is_some() || header.starts_with(b"DEK-Info");
        self.label == b"ENCRYPTED PRIVATE KEY" || self.headers.iter().any(marks)
    }
}

/// A label of capitals, digits and blanks; anything else might be part of a key and is not repeated.
fn printable(label: &[u8]) -> String {
    let plain = label.iter().all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b' '));
    if plain && label.len() <= 40 {
        String::from_utf8_lossy(label).into_owned()
    } else {
        "(not in capitals)".to_owned()
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

fn find_last(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).rposition(|window| window == part)
}
