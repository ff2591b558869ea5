//! The private key: read to learn its public half, then dropped.

use der::Decode;
use rustls::crypto::ring::sign::any_supported_type;
use rustls_pki_types::{PrivateKeyDer, pem::SectionKind};

use crate::{certificate::PublicKey, pem, problem::Problem};

/// The public key that belongs to `tls.key`.
pub(crate) fn public_key(text: &[u8]) -> Result<PublicKey, Problem> {
    let (kind, der) = pem::private_key(text)?;
    let key = match kind {
        SectionKind::RsaPrivateKey => PrivateKeyDer::Pkcs1(der.into()),
        SectionKind::EcPrivateKey => PrivateKeyDer::Sec1(der.into()),
        _ => PrivateKeyDer::Pkcs8(der.into()),
    };
    // The library's own error may describe the key: it is dropped.
    let signing = any_supported_type(&key).map_err(|_| Problem::UnusableKey)?;
    let info = signing.public_key().ok_or(Problem::UnusableKey)?;
    let info = x509_cert::SubjectPublicKeyInfo::from_der(&info).map_err(|_| Problem::UnusableKey)?;
    Ok(PublicKey::of(&info))
}
