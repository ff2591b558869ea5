//! Why a Secret is refused. Every message says what to do; none carries bytes of a key.

use std::fmt;

use jiff::Timestamp;

use crate::name::shown;

/// The first thing that is wrong with a Secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Another type, which the API server does not hold to having a certificate and a key.
    #[error(
        "its type is {found:?}, not \"kubernetes.io/tls\": a Secret's type is immutable, delete it and create it with that type"
    )]
    WrongType {
        /// The type it has; empty where it has none.
        found: String,
    },
    /// A key of the Secret is absent or holds nothing.
    #[error("{entry} is missing or empty: store {what} there as PEM")]
    Missing {
        /// Key in the Secret's data.
        entry: &'static str,
        /// What belongs there.
        what: &'static str,
    },
    /// Not PEM that every TLS server reads alike.
    #[error("{entry} is not clean PEM: {fault}")]
    NotPem {
        /// Key in the Secret's data.
        entry: &'static str,
        /// What is wrong and what to do.
        fault: PemFault,
    },
    /// A PEM block that is no certificate, where certificates belong: TLS servers skip it.
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
        /// Place in the file, counted from 1.
        position: usize,
        /// What is wrong with it.
        detail: &'static str,
    },
    /// An encrypted key: neither the operator nor the proxy has its passphrase.
    #[error("tls.key is encrypted: store it without a passphrase (openssl pkey -in tls.key)")]
    EncryptedKey,
    /// Not a key in a form that TLS servers read.
    #[error(
        "tls.key cannot be read: it must be an RSA, ECDSA or Ed25519 key, complete, as PKCS#8, PKCS#1 or SEC1 with its curve"
    )]
    UnreadableKey,
    /// A key with which clients cannot verify the server.
    #[error(
        "tls.key is {detail}: use RSA of 2048 to 8192 bits, ECDSA P-256 or P-384, or Ed25519, and reissue the certificate"
    )]
    UnusableKey {
        /// What it is, and what speaks against it.
        detail: String,
    },
    /// The key belongs to no certificate of `tls.crt`.
    #[error("tls.key does not belong to the certificate in tls.crt: store the two that were issued together")]
    KeyOfAnother,
    /// The chain begins with an issuer.
    #[error("the certificate of tls.key is number {position} in tls.crt: put it first, its issuers after it")]
    LeafNotFirst {
        /// Where it stands, counted from 1.
        position: usize,
    },
    /// A chain certificate that did not issue the one before it.
    #[error(
        "certificate {position} of tls.crt ({subject}) is not the issuer ({issuer}) of the one before it: put each issuer right after what it issued"
    )]
    ChainOutOfOrder {
        /// Place of the certificate that should be the issuer, counted from 1.
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
        /// All that must be covered.
        required: Vec<String>,
        /// DNS names of the certificate.
        presented: Vec<String>,
        /// Required, not covered.
        missing: Vec<String>,
        /// End of its validity.
        not_after: Timestamp,
    },
    /// A certificate that has expired: the leaf, or an issuer that its path needs.
    #[error("{place} expired at {not_after}: {}", place.renewal())]
    Expired {
        /// Which one.
        place: Place,
        /// End of its validity.
        not_after: Timestamp,
    },
    /// A certificate that is not valid yet: the leaf, or an issuer that its path needs.
    #[error(
        "{place} is valid only from {not_before}: wait for it, or issue one valid now and check the clock of the issuer"
    )]
    NotYetValid {
        /// Which one.
        place: Place,
        /// Begin of its validity.
        not_before: Timestamp,
        /// End of its validity.
        not_after: Timestamp,
    },
    /// A TLS client would refuse it all the same.
    #[error("a TLS client would refuse the certificate: {detail}")]
    NotForServers {
        /// Why, and what to do.
        detail: String,
        /// End of its validity.
        not_after: Timestamp,
    },
}

/// A certificate of the Secret, as messages name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Key in the Secret's data.
    pub entry: &'static str,
    /// Place in it, counted from 1.
    pub position: usize,
    /// Its subject.
    pub subject: String,
}

impl Place {
    /// Whether it is the certificate of the server itself.
    pub fn is_leaf(&self) -> bool {
        self.entry == "tls.crt" && self.position == 1
    }

    fn renewal(&self) -> &'static str {
        if self.is_leaf() { "renew it" } else { "replace it, and reissue the certificate from a valid CA" }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entry, position, subject } = self;
        if self.is_leaf() {
            f.write_str("the certificate")
        } else {
            write!(f, "certificate {position} of {entry} ({subject})")
        }
    }
}

/// What is wrong with PEM text. Closed, so that no line of a key file can be quoted by accident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemFault {
    /// A byte order mark, UTF-8 or UTF-16: Go's parser, and so the proxy, would skip the first block.
    #[error("it begins with a byte order mark: save it as UTF-8 without BOM")]
    ByteOrderMark,
    /// Carriage returns alone end its lines.
    #[error("its lines end with carriage returns only: save it with line feeds")]
    CarriageReturns,
    /// A BEGIN line that is indented or has more text on it.
    #[error("a BEGIN line is indented or has other text on it: put every BEGIN and END on a separate line")]
    BeginLine,
    /// An END line that is indented or has more text on it.
    #[error("an END line is indented or has other text on it: put every BEGIN and END on a separate line")]
    EndLine,
    /// A block without its end.
    #[error("a block has no END line of the same label: it was cut off")]
    NoEnd,
    /// Base64 that is none.
    #[error("a block is not valid padded base64: copy the file again without changes")]
    Base64,
    /// Header lines, with which clients skip a certificate.
    #[error("a block has header lines: leave only the base64 between BEGIN and END")]
    Headers,
    /// No block at all.
    #[error(
        "it has no PEM block: store text from -----BEGIN to -----END, not DER and not base64-encoded twice; remove the entry if it is optional"
    )]
    NoBlock,
    /// Blocks, and no private key among them.
    #[error("it has no block whose label ends with PRIVATE KEY")]
    NoKey,
}

/// Coarse kind of a [`Problem`], one to one with the reasons of condition `SidecarTLSSecretReady`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// Cannot serve TLS.
    Malformed,
    /// Serves TLS under other names.
    SansMismatch,
    /// Was good once.
    Expired,
    /// Will be good.
    NotYetValid,
}

impl Problem {
    /// The condition reason that it belongs to.
    pub fn kind(&self) -> ProblemKind {
        match self {
            Self::SansMismatch { .. } => ProblemKind::SansMismatch,
            Self::Expired { .. } => ProblemKind::Expired,
            Self::NotYetValid { .. } => ProblemKind::NotYetValid,
            _ => ProblemKind::Malformed,
        }
    }

    /// End of the certificate's validity, where the verdict came as far as reading it.
    pub fn not_after(&self) -> Option<Timestamp> {
        match self {
            Self::SansMismatch { not_after, .. }
            | Self::Expired { not_after, .. }
            | Self::NotYetValid { not_after, .. }
            | Self::NotForServers { not_after, .. } => Some(*not_after),
            _ => None,
        }
    }

    /// When a certificate that is not valid yet becomes so.
    pub fn not_before(&self) -> Option<Timestamp> {
        match self {
            Self::NotYetValid { not_before, .. } => Some(*not_before),
            _ => None,
        }
    }
}

/// Names as people read them, cut where a certificate has very many.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 10;
    if names.is_empty() {
        return "none".to_owned();
    }
    let first: Vec<String> = names.iter().take(SHOWN).map(|name| shown(name)).collect();
    let more = names.len().saturating_sub(SHOWN);
    if more == 0 { first.join(", ") } else { format!("{} and {more} more", first.join(", ")) }
}
