//! Public keys of certificates, parsed and checked as Go does.

use der::asn1::ObjectIdentifier;
use num_bigint::BigUint;

use crate::reader::{Elements, Fault, SEQUENCE, number};

pub(crate) const RSA: &[u8] = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1").as_bytes();
pub(crate) const EC: &[u8] = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1").as_bytes();
pub(crate) const ED25519: &[u8] = ObjectIdentifier::new_unwrap("1.3.101.112").as_bytes();
const X25519: &[u8] = ObjectIdentifier::new_unwrap("1.3.101.110").as_bytes();
const DSA: &[u8] = ObjectIdentifier::new_unwrap("1.2.840.10040.4.1").as_bytes();

/// Minimum and maximum size of the modulus, in bits, with which a client that uses ring verifies a server.
pub(crate) const RSA_BITS: std::ops::RangeInclusive<u64> = 2048..=8192;

/// A public key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PublicKey {
    Rsa {
        modulus: Vec<u8>,
        exponent: u64,
    },
    Ec {
        curve: Curve,
        point: Vec<u8>,
    },
    Ed25519(Vec<u8>),
    /// Of an algorithm that Go does not support; it still parses the certificate.
    Unknown,
}

/// The curves that Go supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    P224,
    P256,
    P384,
    P521,
}

impl PublicKey {
    /// Reads the content of a SubjectPublicKeyInfo.
    pub(crate) fn read(info: &[u8]) -> Result<Self, Fault> {
        let mut info = Elements::of(info);
        let algorithm = info.within(SEQUENCE);
        let mut algorithm = algorithm.ok_or("malformed public key algorithm")?;
        let oid = algorithm.oid().ok_or("malformed public key algorithm")?;
        let parameters = if algorithm.is_empty() { Some(&[][..]) } else { algorithm.whole() };
        let parameters = parameters.ok_or("malformed public key parameters")?;
        let (key, unused) = info.bits().ok_or("malformed public key")?;
        match oid {
            _ if unused != 0 => Err("malformed public key"),
            RSA if parameters != [0x05, 0x00] => Err("RSA public key without NULL parameters"),
            RSA => rsa(key).ok_or("malformed RSA public key"),
            EC => {
                let curve = Elements::of(parameters).oid();
                let curve = curve.ok_or("malformed ECDSA parameters")?;
                let curve = Curve::of(curve).ok_or("unsupported elliptic curve")?;
                if !curve.has(key) {
                    return Err("malformed ECDSA public key: it must be an uncompressed point of its curve");
                }
                Ok(Self::Ec { curve, point: key.to_vec() })
            }
            ED25519 if parameters.is_empty() && key.len() == 32 => Ok(Self::Ed25519(key.to_vec())),
            ED25519 => Err("malformed Ed25519 public key"),
            X25519 | DSA => Err("its key is of an algorithm that TLS servers do not use"),
            _ => Ok(Self::Unknown),
        }
    }

    /// Why a TLS client, the operator's or one in Go, cannot verify signatures of this key.
    pub(crate) fn unusable(&self) -> Option<String> {
        let (modulus, exponent) = match self {
            Self::Rsa { modulus, exponent } => (modulus, exponent),
            Self::Ec { curve, .. } => return curve.unusable().map(ToOwned::to_owned),
            Self::Ed25519(_) | Self::Unknown => return None,
        };
        let bits = BigUint::from_bytes_be(modulus).bits();
        if !RSA_BITS.contains(&bits) {
            let (least, most) = RSA_BITS.into_inner();
            Some(format!("an RSA key of {bits} bits, and clients verify RSA of {least} to {most} bits"))
        } else if exponent % 2 == 0 || !(3..1 << 31).contains(exponent) {
            Some(format!("an RSA key with the public exponent {exponent}"))
        } else {
            None
        }
    }
}

fn rsa(key: &[u8]) -> Option<PublicKey> {
    let mut outer = Elements::of(key);
    let mut key = outer.within(SEQUENCE).filter(|_| outer.is_empty())?;
    let modulus = key.unsigned().filter(|modulus| *modulus != [0])?;
    let exponent = number(key.unsigned()?).filter(|exponent| (1..1 << 63).contains(exponent))?;
    key.is_empty().then(|| PublicKey::Rsa { modulus: modulus.to_vec(), exponent })
}

impl Curve {
    pub(crate) fn of(oid: &[u8]) -> Option<Self> {
        const P224: &[u8] = ObjectIdentifier::new_unwrap("1.3.132.0.33").as_bytes();
        const P256: &[u8] = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7").as_bytes();
        const P384: &[u8] = ObjectIdentifier::new_unwrap("1.3.132.0.34").as_bytes();
        const P521: &[u8] = ObjectIdentifier::new_unwrap("1.3.132.0.35").as_bytes();
        match oid {
            P224 => Some(Self::P224),
            P256 => Some(Self::P256),
            P384 => Some(Self::P384),
            P521 => Some(Self::P521),
            _ => None,
        }
    }

    /// Why a TLS client, the operator's or one in Go, cannot verify signatures of a key on this curve.
    pub(crate) fn unusable(self) -> Option<&'static str> {
        match self {
            Self::P256 | Self::P384 => None,
            Self::P224 => Some("an ECDSA key on P-224, which TLS does not use"),
            Self::P521 => Some("an ECDSA key on P-521, which the operator's TLS library does not verify"),
        }
    }

    /// Size in bytes of a coordinate, and of a private key.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::P224 => 28,
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// Whether `point` is an uncompressed point of the curve y² = x³ - 3x + b (FIPS 186, SP 800-186).
    fn has(self, point: &[u8]) -> bool {
        let Some((4, coordinates)) = point.split_first() else { return false };
        if coordinates.len() != 2 * self.size() {
            return false;
        }
        let (x, y) = coordinates.split_at(self.size());
        let (x, y) = (BigUint::from_bytes_be(x), BigUint::from_bytes_be(y));
        let (prime, b) = self.equation();
        x < prime && y < prime && (&y * &y + &x * 3u8) % &prime == (&x * &x * &x + b) % prime
    }

    /// The prime of its field, and `b`.
    fn equation(self) -> (BigUint, BigUint) {
        let power = |exponent: u32| BigUint::from(1u8) << exponent;
        let (prime, b): (_, &str) = match self {
            Self::P224 => {
                (power(224) - power(96) + 1u8, "b4050a850c04b3abf54132565044b0b7d7bfd8ba270b39432355ffb4")
            }
            Self::P256 => (
                power(256) - power(224) + power(192) + power(96) - 1u8,
                "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b",
            ),
            Self::P384 => (
                power(384) - power(128) - power(96) + power(32) - 1u8,
                "b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef",
            ),
            Self::P521 => (
                power(521) - 1u8,
                "51953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00",
            ),
        };
        (prime, BigUint::parse_bytes(b.as_bytes(), 16).unwrap_or_default())
    }
}
