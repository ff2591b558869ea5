//! Why a Secret is rejected. Every message includes what to do; none contains bytes of a key.

use jiff::Timestamp;

use crate::{name::shown, pem_fault::PemFault, place::Place};

/// The first problem of a Secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Another type, for which the API server does not require a certificate and a key.
    #[error(
        "its type is {found:?}, not \"kubernetes.io/tls\": a Secret's type is immutable; delete it and recreate it with that type"
    )]
    WrongType {
        /// Its type; empty if it has none.
        found: String,
    },
    /// An entry of the Secret is absent or empty.
    #[error("{entry} is missing or empty: store {what} there as PEM")]
    Missing {
        /// Key in the Secret's data.
        entry: &'static str,
        /// What to store there.
        what: &'static str,
    },
    /// Not PEM that every TLS server parses the same way.
    #[error("{entry} is not clean PEM: {fault}")]
    NotPem {
        /// Key in the Secret's data.
        entry: &'static str,
        /// What is wrong and how to fix it.
        fault: PemFault,
    },
    /// A PEM block other than a certificate, where certificates are expected: TLS servers skip it.
    #[error("{entry} holds a block \"{label}\", which TLS servers skip: keep only certificates in it")]
    StrayBlock {
        /// Key in the Secret's data.
        entry: &'static str,
        /// Label of the block.
        label: String,
    },
    /// A private key where certificates are published to every client.
    #[error(
        "{entry} holds a private key: treat that key as leaked, create a new one, and keep it in tls.key only"
    )]
    KeyAmongCertificates {
        /// Key in the Secret's data.
        entry: &'static str,
    },
    /// A certificate that the proxy or a client cannot parse.
    #[error("certificate {position} of {entry} cannot be read ({detail}): reissue it")]
    UnreadableCertificate {
        /// Key in the Secret's data.
        entry: &'static str,
        /// Position in the entry, counted from 1.
        position: usize,
        /// What is wrong with it.
        detail: &'static str,
    },
    /// An encrypted key: neither the operator nor the proxy has its passphrase.
    #[error("tls.key is encrypted: store it without a passphrase (openssl pkey -in tls.key)")]
    EncryptedKey,
    /// Not a key in a form that TLS servers can read.
    #[error(
        "tls.key cannot be read: it must be an RSA, ECDSA or Ed25519 key, complete, as PKCS#8, PKCS#1 or SEC1 with its curve"
    )]
    UnreadableKey,
    /// A key that clients cannot use to verify the server.
    #[error(
        "tls.key is {detail}: use RSA of 2048 to 8192 bits, ECDSA P-256 or P-384, or Ed25519, and reissue the certificate"
    )]
    UnusableKey {
        /// What kind of key it is, and why it is rejected.
        detail: String,
    },
    /// The key belongs to no certificate of `tls.crt`.
    #[error("tls.key does not belong to the certificate in tls.crt: store the two that were issued together")]
    KeyOfAnother,
    /// The chain begins with an issuer.
    #[error(
        "the certificate of tls.key is number {position} in tls.crt: put it first, followed by its issuers"
    )]
    LeafNotFirst {
        /// Position of the leaf, counted from 1.
        position: usize,
    },
    /// A chain certificate that did not issue the one before it.
    #[error(
        "certificate {position} of tls.crt ({subject}) is not the issuer ({issuer}) of the one before it: put each issuer right after what it issued"
    )]
    ChainOutOfOrder {
        /// Position of the certificate that should be the issuer, counted from 1.
        position: usize,
        /// Its subject.
        subject: String,
        /// The issuer that was expected there.
        issuer: String,
    },
    /// The certificate does not cover every name.
    #[error(
        "the certificate does not cover every required DNS name: required {}; presented {}; missing {}: issue one with the missing DNS names as subjectAltName",
        list(required),
        list(presented),
        list(missing)
    )]
    SansMismatch {
        /// All required names.
        required: Vec<String>,
        /// DNS names of the certificate.
        presented: Vec<String>,
        /// Required names that are not covered.
        missing: Vec<String>,
        /// End of its validity.
        not_after: Timestamp,
    },
    /// A certificate that has expired: the leaf, or an issuer that its path needs.
    #[error("{place} expired at {not_after}: {}", place.renewal())]
    Expired {
        /// The certificate.
        place: Place,
        /// End of its validity.
        not_after: Timestamp,
    },
    /// A certificate that is not valid yet: the leaf, or an issuer that its path needs.
    #[error(
        "{place} is valid only from {not_before}: wait for it, or issue one valid now and check the clock of the issuer"
    )]
    NotYetValid {
        /// The certificate.
        place: Place,
        /// Start of its validity.
        not_before: Timestamp,
        /// End of its validity.
        not_after: Timestamp,
    },
    /// A TLS client would still reject it.
    #[error("a TLS client would refuse the certificate: {detail}")]
    NotForServers {
        /// Why, and how to fix it.
        detail: String,
        /// End of its validity.
        not_after: Timestamp,
    },
}

/// Coarse kind of a [`Problem`], one to one with the reasons of condition `SidecarTLSSecretReady`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// Cannot serve TLS.
    Malformed,
    /// Serves TLS for other names.
    SansMismatch,
    /// Was valid in the past.
    Expired,
    /// Will be valid in the future.
    NotYetValid,
}

impl Problem {
    /// The kind, which decides the reason of the condition.
    pub fn kind(&self) -> ProblemKind {
        match self {
            Self::SansMismatch { .. } => ProblemKind::SansMismatch,
            Self::Expired { .. } => ProblemKind::Expired,
            Self::NotYetValid { .. } => ProblemKind::NotYetValid,
            _ => ProblemKind::Malformed,
        }
    }

    /// End of the certificate's validity, if it was read before the problem was found.
    pub fn not_after(&self) -> Option<Timestamp> {
        match self {
            Self::SansMismatch { not_after, .. }
            | Self::Expired { not_after, .. }
            | Self::NotYetValid { not_after, .. }
            | Self::NotForServers { not_after, .. } => Some(*not_after),
            _ => None,
        }
    }

    /// When a certificate that is not valid yet becomes valid.
    pub fn not_before(&self) -> Option<Timestamp> {
        match self {
            Self::NotYetValid { not_before, .. } => Some(*not_before),
            _ => None,
        }
    }
}

/// A readable list of names, truncated if there are very many.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 10;
    if names.is_empty() {
        return "none".to_owned();
    }
    let first: Vec<String> = names.iter().take(SHOWN).map(|name| shown(name)).collect();
    let more = names.len().saturating_sub(SHOWN);
    if more == 0 { first.join(", ") } else { format!("{} and {more} more", first.join(", ")) }
}
