//! Mutated Secrets: known and generated ones, damaged as text or as DER, or combined from two.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fastrand::Rng;

use crate::{
    der,
    generated::{Chain, pem},
    secret::Secret,
};

/// Lines and fragments that PEM parsers treat differently.
const PIECES: &[&[u8]] = &[
    b"\n",
    b"\r",
    b"\r\n",
    b" ",
    b"\t",
    b"\0",
    b"=",
    b"==",
    b"-",
    b":",
    b"A",
    b"\xff",
    b"\xef\xbb\xbf",
    b"-----BEGIN CERTIFICATE-----\n",
    b"-----END CERTIFICATE-----\n",
    b"-----BEGIN PRIVATE KEY-----\n",
    b"\n-----END ",
    b"-----BEGIN X-----\n\n-----END X-----\n",
    b"Proc-Type: 4,ENCRYPTED\n",
    b"a: b\n",
    b"# ENCRYPTED\n",
];

pub fn secret(known: &[Secret], rng: &mut Rng) -> Secret {
    let mut secret = if rng.u8(..3) == 0 {
        rng.choice(known).unwrap().clone()
    } else {
        let mut chain = Chain::new(rng);
        for _ in 0..rng.u8(..3) {
            chain.damage(rng);
        }
        chain.stored(rng)
    };
    let is_generated = secret.group == "generated";
    let kind = rng.u8(..if is_generated { 12 } else { 4 });
    let entry = ["tls.crt", "tls.key", "ca.crt"][rng.usize(..3)];
    match kind {
        0 => _ = secret.data.get_mut(entry).map(|text| damage_text(text, rng)),
        1 => _ = secret.data.get_mut(entry).map(|text| damage_block(text, rng)),
        2 => _ = secret.data.get_mut(entry).map(|text| damage_lines(text, rng)),
        3 => take_from_another(&mut secret, entry, rng.choice(known).unwrap(), rng),
        _ => {}
    }
    secret
}

fn damage_text(text: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..=rng.u8(..2) {
        let at = rng.usize(..=text.len());
        let to = (at + rng.usize(..4)).min(text.len());
        let piece = if rng.bool() { rng.choice(PIECES).unwrap().to_vec() } else { Vec::new() };
        text.splice(at..to, piece);
    }
}

/// Damages the content of one block, which remains a block.
fn damage_block(text: &mut Vec<u8>, rng: &mut Rng) {
    let Ok(known) = String::from_utf8(text.clone()) else { return };
    let mut blocks: Vec<_> = known.split_inclusive("-----\n").map(str::to_owned).collect();
    let bodies: Vec<_> = (0..blocks.len()).filter(|at| blocks[*at].contains("\n-----END")).collect();
    let Some(at) = rng.choice(bodies) else { return };
    let (body, end) = blocks[at].split_once("-----END").unwrap_or_default();
    let Ok(content) = STANDARD.decode(body.replace('\n', "")) else { return };
    let encoded = pem::encode("X", &der::damage(&content, rng));
    let body = encoded.lines().filter(|line| !line.starts_with('-')).collect::<Vec<_>>().join("\n");
    blocks[at] = format!("{body}\n-----END{end}");
    *text = blocks.concat().into_bytes();
}

fn damage_lines(text: &mut Vec<u8>, rng: &mut Rng) {
    let mut lines: Vec<_> = text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    if lines.is_empty() {
        return;
    }
    let (at, other) = (rng.usize(..lines.len()), rng.usize(..lines.len()));
    match rng.u8(..4) {
        0 => _ = lines.remove(at),
        1 => lines.insert(at, lines[other].clone()),
        2 => lines.swap(at, other),
        _ => lines.insert(at, rng.choice(PIECES).unwrap().to_vec()),
    }
    *text = lines.concat();
}

fn take_from_another(secret: &mut Secret, entry: &str, other: &Secret, rng: &mut Rng) {
    let Some(text) = other.entry(entry) else { return };
    let own = secret.data.entry(entry.to_owned()).or_default();
    match rng.u8(..3) {
        0 => *own = text.to_vec(),
        1 => own.extend(text),
        _ => *own = [text, own.as_slice()].concat(),
    }
}
