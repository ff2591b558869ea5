//! The classes of Secrets that Go accepts and the operator rejects, as listed in `docs/tls-secret.md`.

use sei_tls::{PemFault, Problem};

/// The class of a rejection, as named on the page; `None` if Go must reject the Secret too.
pub fn class(problem: &Problem) -> Option<&'static str> {
    match problem {
        Problem::KeyAmongCertificates { .. } => Some("a private key in `tls.crt` or `ca.crt`"),
        Problem::StrayBlock { .. } => Some("other blocks in `tls.crt` or `ca.crt`"),
        Problem::NotPem { fault: PemFault::Headers, .. } => Some("header lines in a certificate of `ca.crt`"),
        // Go skips such text; the rest may be sufficient.
        Problem::NotPem { .. } => Some("text that is almost a block"),
        Problem::ChainOutOfOrder { .. } => Some("issuers out of order"),
        Problem::UnreadableKey => Some("an RSA key with more than two primes, or without its CRT values"),
        Problem::UnusableKey { .. } => Some("keys that the operator's client does not verify"),
        Problem::UnreadableCertificate { detail, .. } => encoding(detail),
        Problem::NotForServers { detail, .. } => chain(detail),
        Problem::WrongType { .. }
        | Problem::Missing { .. }
        | Problem::EncryptedKey
        | Problem::KeyOfAnother
        | Problem::LeafNotFirst { .. }
        | Problem::SansMismatch { .. }
        | Problem::Expired { .. }
        | Problem::NotYetValid { .. } => None,
    }
}

/// Go's parser accepts more than RFC 5280 allows.
fn encoding(detail: &str) -> Option<&'static str> {
    let rare = [
        "its dates are not in the form of RFC 5280 or lie before 1970",
        "a URI subjectAltName is not of the form scheme://host/path",
        "malformed RSA public key",
        "the operator's TLS library does not know its form",
        "its key is of an algorithm that TLS servers do not use",
        "malformed nameConstraints",
        "malformed certificatePolicies",
        "malformed policyMappings",
    ];
    rare.contains(&detail).then_some("encodings outside of RFC 5280")
}

fn chain(detail: &str) -> Option<&'static str> {
    const CLASSES: &[(&str, &str)] = &[
        ("of a kind that the operator's TLS library does not verify", "keys and signatures of CAs"),
        ("issue from a CA with another key", "keys and signatures of CAs"),
        ("extended key usage that does not name servers", "\"any\" as extended key usage below a CA"),
        ("it has more than six CAs", "more than six CAs"),
        ("more than the 64 KiB", "more than 64 KiB of certificates in `tls.crt`"),
        ("it is itself a CA", "a CA as server certificate below another CA"),
        ("cannot read", "encodings outside of RFC 5280"),
        ("not of X.509 version 3", "encodings outside of RFC 5280"),
        ("does not know: reissue it without", "critical extensions that webpki does not know"),
        ("policy constraints or mappings", "policy constraints or mappings"),
        ("constrains names", "name constraints above an e-mail address, a URI or an unusual DNS name"),
        ("name constraints", "name constraints above an e-mail address, a URI or an unusual DNS name"),
    ];
    CLASSES.iter().find(|(part, _)| detail.contains(part)).map(|(_, class)| *class)
}
