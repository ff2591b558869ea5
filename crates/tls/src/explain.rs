//! Errors of webpki, in terms that are known to people who issue certificates.

use webpki::Error;

/// Names that webpki cannot parse although Go can.
pub(crate) const UNREADABLE_NAMES: &str = "its subjectAltName has entries that the operator's TLS library cannot read: reissue it with plain DNS names";

/// No trusted certificate issued the certificate.
pub(crate) const UNKNOWN_ISSUER: &str =
    "no CA in the Secret issued it: store the issuing CA in ca.crt and any intermediates in tls.crt";

/// Why webpki does not verify a certificate, and how to fix it.
pub(crate) fn explain(error: &Error) -> &'static str {
    match error {
        Error::UnknownIssuer => UNKNOWN_ISSUER,
        Error::InvalidSignatureForPublicKey => {
            "the CA in the Secret has the name of its issuer and another key: store the CA that issued it in ca.crt"
        }
        Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            "a signature in its chain is of a kind that the operator's TLS library does not verify: use CAs that sign with RSA of 2048 to 8192 bits and SHA-256 or better, with ECDSA P-256 or P-384 and SHA-256 or SHA-384, or with Ed25519"
        }
        Error::CaUsedAsEndEntity => {
            "it is itself a CA, which the operator's TLS library accepts only if it is trusted directly: reissue it with CA:FALSE"
        }
        Error::EndEntityUsedAsCa => "an issuer in tls.crt is not a CA: reissue that one with CA:TRUE",
        Error::PathLenConstraintViolated => "a CA in its chain does not allow that many CAs below it",
        Error::MaximumPathDepthExceeded => {
            "it has more than six CAs between itself and the trusted CA: use a shorter chain"
        }
        Error::NameConstraintViolation => "a CA in its chain may not issue for its names (name constraints)",
        Error::UnsupportedCriticalExtension => {
            "a certificate in its chain has a critical extension that the operator's TLS library does not know: reissue it without"
        }
        Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => {
            "a certificate in its chain has an extended key usage that does not name servers; \"any\" is not enough: reissue it with usage \"server auth\", or without one where it is a CA"
        }
        Error::UnsupportedCertVersion => "a certificate in its chain is not of X.509 version 3: reissue it",
        _ => {
            "a certificate in its chain is encoded in a way that the operator's TLS library cannot read: reissue it"
        }
    }
}
