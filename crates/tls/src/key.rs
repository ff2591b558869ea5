//! The private key: parsed and checked like in Go, compared with the certificates, then dropped.

use num_bigint::BigUint;
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
        KeyPair as _,
    },
};

use crate::{
    pem,
    problem::Problem,
    public_key::{Curve, EC, ED25519, PublicKey, RSA, RSA_BITS},
    reader::{Elements, OCTET_STRING, SEQUENCE, context_constructed, number},
};

/// A private key, borrowed from its DER. Never printed.
enum PrivateKey<'a> {
    Rsa { modulus: &'a [u8], exponent: u64 },
    Ec { curve: Curve, scalar: Vec<u8> },
    Ed25519 { seed: &'a [u8] },
}

/// The index in `public_keys` of the one that belongs to `tls.key`.
pub(crate) fn position<'k>(
    text: &[u8],
    mut public_keys: impl Iterator<Item = &'k PublicKey>,
) -> Result<Option<usize>, Problem> {
    let block = pem::private_key(text)?;
    let unreadable = if block.is_encrypted { Problem::EncryptedKey } else { Problem::UnreadableKey };
    let key = PrivateKey::read(&block.content).ok_or(unreadable)?;
    if let PrivateKey::Ec { curve, .. } = &key
        && let Some(detail) = curve.unusable()
    {
        return Err(Problem::UnusableKey { detail: detail.to_owned() });
    }
    Ok(public_keys.position(|public_key| key.belongs_to(public_key)))
}

impl<'a> PrivateKey<'a> {
    /// Go tries the three forms regardless of the label, and labels are often mixed up.
    fn read(der: &'a [u8]) -> Option<Self> {
        rsa(der).or_else(|| pkcs8(der)).or_else(|| sec1(der, None))
    }

    fn belongs_to(&self, public_key: &PublicKey) -> bool {
        match (self, public_key) {
            (Self::Rsa { modulus, exponent }, PublicKey::Rsa { modulus: m, exponent: e }) => {
                modulus == m && exponent == e
            }
            (Self::Ec { curve, scalar }, PublicKey::Ec { curve: c, point }) => {
                curve == c && is_of_point(*curve, scalar, point)
            }
            (Self::Ed25519 { seed }, PublicKey::Ed25519(public)) => {
                let pair = Ed25519KeyPair::from_seed_unchecked(seed);
                pair.is_ok_and(|pair| pair.public_key().as_ref() == public)
            }
            _ => false,
        }
    }
}

/// PKCS#8; its attributes and everything after them are not read. A public key within an EC key is ignored.
fn pkcs8(der: &[u8]) -> Option<PrivateKey<'_>> {
    let mut info = Elements::of(der).within(SEQUENCE)?;
    number(info.unsigned()?)?;
    let mut algorithm = info.within(SEQUENCE)?;
    let oid = algorithm.oid()?;
    let parameters = if algorithm.is_empty() { &[][..] } else { algorithm.whole()? };
    let key = info.read(OCTET_STRING)?;
    match oid {
        RSA => rsa(key),
        EC => sec1(key, Elements::of(parameters).oid()),
        ED25519 if parameters.is_empty() => {
            let seed = Elements::of(key).read(OCTET_STRING)?;
            (seed.len() == 32).then_some(PrivateKey::Ed25519 { seed })
        }
        _ => None,
    }
}

/// SEC1. `outer` is the curve that the enclosing PKCS#8 names, which takes precedence.
fn sec1<'a>(der: &'a [u8], outer: Option<&[u8]>) -> Option<PrivateKey<'a>> {
    let mut key = Elements::of(der).within(SEQUENCE)?;
    if key.unsigned()? != [1] {
        return None;
    }
    let scalar = key.read(OCTET_STRING)?;
    let inner = match key.optional(context_constructed(0))? {
        Some(parameters) => Some(Elements::of(parameters).oid()?),
        None => None,
    };
    if let Some(public) = key.optional(context_constructed(1))? {
        Elements::of(public).bits()?;
    }
    let curve = Curve::of(outer.or(inner)?)?;
    // Some programs omit leading zeros, or write more of them.
    let kept = scalar.len().saturating_sub(curve.size());
    let (surplus, scalar) = scalar.split_at(kept);
    let padding = vec![0; curve.size() - scalar.len()];
    let scalar = [padding.as_slice(), scalar].concat();
    surplus.iter().all(|byte| *byte == 0).then_some(PrivateKey::Ec { curve, scalar })
}

/// Whether `point` is the public key of `scalar`, on curves that a TLS client verifies.
fn is_of_point(curve: Curve, scalar: &[u8], point: &[u8]) -> bool {
    let algorithm = match curve {
        Curve::P256 => &ECDSA_P256_SHA256_ASN1_SIGNING,
        Curve::P384 => &ECDSA_P384_SHA384_ASN1_SIGNING,
        Curve::P224 | Curve::P521 => return false,
    };
    EcdsaKeyPair::from_private_key_and_public_key(algorithm, scalar, point, &SystemRandom::new()).is_ok()
}

/// PKCS#1 with two primes whose values are consistent, as Go checks before it accepts a key. Keys of a size
/// that is rejected anyway are not checked: for a very large key that takes long.
fn rsa(der: &[u8]) -> Option<PrivateKey<'_>> {
    let mut outer = Elements::of(der);
    let mut key = outer.within(SEQUENCE).filter(|_| outer.is_empty())?;
    if key.unsigned()? != [0] {
        return None;
    }
    let (modulus, exponent) = (key.unsigned()?, number(key.unsigned()?)?);
    let mut part = || key.unsigned().map(BigUint::from_bytes_be);
    let (d, p, q, dp, dq, inverse) = (part()?, part()?, part()?, part()?, part()?, part()?);
    let n = BigUint::from_bytes_be(modulus);
    if !RSA_BITS.contains(&n.bits()) {
        return Some(PrivateKey::Rsa { modulus, exponent });
    }
    let one = BigUint::from(1u8);
    if exponent % 2 == 0 || !(3..1 << 31).contains(&exponent) || p <= one || q <= one {
        return None;
    }
    let (before_p, before_q) = (&p - &one, &q - &one);
    let far_apart = if p > q { (&p - &q).bits() } else { (&q - &p).bits() } + 100 > n.bits() / 2;
    let belongs_together = p < n
        && q < n
        && d < n
        && &p * &q == n
        && dp == &d % &before_p
        && dq == &d % &before_q
        && &dp * exponent % &before_p == one
        && &dq * exponent % &before_q == one
        && inverse < p
        && &inverse * &q % &p == one;
    (belongs_together && far_apart && d.bits() > n.bits() / 2)
        .then_some(PrivateKey::Rsa { modulus, exponent })
}
