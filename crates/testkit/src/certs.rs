//! Certificates for tests. Keys are generated in every run.

use std::time::{Duration, SystemTime};

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::{
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};

const DAY: Duration = Duration::from_secs(86_400);

/// A certificate with its key, as a Secret stores them.
#[derive(Clone)]
pub struct Pair {
    /// The certificate, as PEM.
    pub crt: String,
    /// Its private key, as PEM (PKCS#8).
    pub key: String,
}

/// A certificate authority.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// A new authority called `name`.
    ///
    /// # Errors
    /// None in practice.
    pub fn new(name: &str) -> anyhow::Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?).context("make a CA")?;
        Ok(Self { issuer })
    }

    /// Its own certificate, as PEM.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A server certificate for `names`, valid for a day.
    ///
    /// # Errors
    /// If a certificate cannot contain one of the names.
    pub fn issue(&self, names: &[String]) -> anyhow::Result<Pair> {
        let now = SystemTime::now();
        self.issue_for(names, now - Duration::from_secs(60), now + DAY)
    }

    /// A server certificate for `names`, valid between two times.
    ///
    /// # Errors
    /// If a certificate cannot contain one of the names.
    pub fn issue_for(&self, names: &[String], from: SystemTime, until: SystemTime) -> anyhow::Result<Pair> {
        let key = KeyPair::generate()?;
        let params = server(names, from, until)?;
        let certificate = params.signed_by(&key, &self.issuer).context("issue a certificate")?;
        Ok(Pair { crt: certificate.pem(), key: key.serialize_pem() })
    }

    /// A client certificate that authenticates `user` of `group` to an API server, valid for a day.
    ///
    /// # Errors
    /// None in practice.
    pub fn client(&self, user: &str, group: Option<&str>) -> anyhow::Result<Pair> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::new())?;
        let now = SystemTime::now();
        params.not_before = (now - Duration::from_secs(60)).into();
        params.not_after = (now + DAY).into();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, user);
        if let Some(group) = group {
            params.distinguished_name.push(DnType::OrganizationName, group);
        }
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, &self.issuer).context("issue a client certificate")?;
        Ok(Pair { crt: certificate.pem(), key: key.serialize_pem() })
    }
}

/// A self-signed certificate for `names`.
///
/// # Errors
/// If a certificate cannot contain one of the names.
pub fn self_signed(names: &[String]) -> anyhow::Result<Pair> {
    let now = SystemTime::now();
    let key = KeyPair::generate()?;
    let params = server(names, now - Duration::from_secs(60), now + DAY)?;
    Ok(Pair { crt: params.self_signed(&key)?.pem(), key: key.serialize_pem() })
}

/// A key that signs service account tokens: the public key takes the place of the certificate.
///
/// # Errors
/// None in practice.
pub fn signing_key() -> anyhow::Result<Pair> {
    let key = KeyPair::generate()?;
    Ok(Pair { crt: key.public_key_pem(), key: key.serialize_pem() })
}

/// A certificate chain with its key, as a server loads them.
///
/// # Errors
/// If a server cannot load the PEM.
pub fn certified(crt: &[u8], key: &[u8]) -> anyhow::Result<CertifiedKey> {
    let chain = CertificateDer::pem_slice_iter(crt).collect::<Result<Vec<_>, _>>().context("tls.crt")?;
    let key = PrivateKeyDer::from_pem_slice(key).context("tls.key")?;
    let key = rustls::crypto::ring::sign::any_supported_type(&key).context("tls.key")?;
    let certified = CertifiedKey::new(chain, key);
    certified.keys_match().context("tls.key does not belong to tls.crt")?;
    Ok(certified)
}

fn server(names: &[String], from: SystemTime, until: SystemTime) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::new(names.to_vec()).context("subject alternative names")?;
    params.not_before = from.into();
    params.not_after = until.into();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}
