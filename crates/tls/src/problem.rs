//! Why a Secret is refused. Every message says what to do; none carries bytes of a key.

use jiff::Timestamp;

/// The first thing that is wrong with a Secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Another type, which the API server does not hold to having a certificate and a key.
    #[error(
        "its type is {found:?}, not \"kubernetes.io/tls\": make it anew with that type, the type of a Secret cannot be changed"
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
    /// A PEM block that has no business in this key.
    #[error("{entry} holds a block \"{label}\": leave only {allowed} in it")]
    StrayBlock {
        /// Key in the Secret's data.
        entry: &'static str,
        /// Label of the block.
        label: String,
        /// What may stand there.
        allowed: &'static str,
    },
    /// A private key where certificates are published to every client.
    #[error(
        "{entry} holds a private key: treat that key as leaked, make a new one, and keep it in tls.key only"
    )]
    KeyAmongCertificates {
        /// Key in the Secret's data.
        entry: &'static str,
    },
    /// A block labelled CERTIFICATE that is none.
    #[error("certificate {position} of {entry} cannot be read ({detail}): issue it anew")]
    UnreadableCertificate {
        /// Key in the Secret's data.
        entry: &'static str,
        /// Place in the file, counted from 1.
        position: usize,
        /// What the parser said.
        detail: String,
    },
    /// An encrypted key, for which nobody can give the operator or the proxy a password.
    #[error("tls.key is encrypted: store it without a passphrase (openssl pkey -in tls.key)")]
    EncryptedKey,
    /// A key that TLS servers here cannot use.
    #[error(
        "tls.key cannot be used: it must be an RSA key of 2048 bits or more, ECDSA P-256, P-384, or Ed25519, as PKCS#8, PKCS#1 or SEC1"
    )]
    UnusableKey,
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
        "the certificate covers not all of its DNS names: required {}; presented {}; missing {}: issue one with the missing DNS names as subjectAltName",
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
    /// Its time is over.
    #[error("the certificate expired at {not_after}: renew it")]
    Expired {
        /// End of its validity.
        not_after: Timestamp,
    },
    /// Its time has not come.
    #[error(
        "the certificate is valid only from {not_before}: wait for it, or issue one valid now and check the clock of the issuer"
    )]
    NotYetValid {
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

/// What is wrong with PEM text. Closed, so that no line of a key file can be quoted by accident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemFault {
    /// EF BB BF: Go's parser, and so the proxy, would skip the first block.
    #[error("it begins with a byte order mark: save it as UTF-8 without BOM")]
    ByteOrderMark,
    /// A BEGIN line that is indented or has more text on it.
    #[error("a BEGIN line is indented or has other text on it: every BEGIN and END needs a line of its own")]
    BeginLine,
    /// A block without its end.
    #[error("a block has no END line of the same label: it was cut off")]
    NoEnd,
    /// Base64 that is none.
    #[error("a block holds something that is not base64: copy the file again as it is")]
    Base64,
    /// No block of the kind that must be there.
    #[error("it has no block of the kind that belongs there")]
    NoBlock,
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
            | Self::Expired { not_after }
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
    let shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    let more = names.len().saturating_sub(SHOWN);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}
