//! One parsed certificate: what the verdict asks of it.

use der::{Decode, oid::db::rfc5280::ID_KP_SERVER_AUTH};
use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, ServerName};
use webpki::EndEntityCert;
use x509_cert::{
    Certificate as X509,
    ext::pkix::{ExtendedKeyUsage, SubjectAltName, name::GeneralName},
    time::Time,
};

use crate::{pem, problem::Problem};

pub(crate) struct Certificate {
    pub(crate) der: CertificateDer<'static>,
    pub(crate) subject: String,
    pub(crate) issuer: String,
    /// Algorithm and key bits, as `SubjectPublicKeyInfo` has them.
    pub(crate) public_key: PublicKey,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    /// Its DNS subjectAltNames, as written.
    pub(crate) dns_names: Vec<String>,
    /// No extended key usage, or one that names servers.
    pub(crate) for_servers: bool,
}

/// What makes two public keys the same. The algorithm's parameters are left out: encoders differ in them.
#[derive(PartialEq, Eq)]
pub(crate) struct PublicKey {
    pub(crate) algorithm: der::oid::ObjectIdentifier,
    pub(crate) bits: Vec<u8>,
}

impl PublicKey {
    pub(crate) fn of(info: &x509_cert::SubjectPublicKeyInfo) -> Self {
        Self { algorithm: info.algorithm.oid, bits: info.subject_public_key.raw_bytes().to_vec() }
    }
}

/// Every certificate of `entry`, in file order, at least one.
pub(crate) fn read_all(entry: &'static str, text: &[u8]) -> Result<Vec<Certificate>, Problem> {
    let ders = pem::certificates(entry, text)?;
    let numbered = ders.into_iter().zip(1..);
    numbered
        .map(|(der, position)| {
            Certificate::read(der).map_err(|detail| Problem::UnreadableCertificate {
                entry,
                position,
                detail: detail.to_string(),
            })
        })
        .collect()
}

impl Certificate {
    fn read(der: Vec<u8>) -> der::Result<Self> {
        let parsed = X509::from_der(&der)?;
        let body = parsed.tbs_certificate();
        // Read before they are needed: an extension that does not parse is a fault of the certificate.
        let names = body.get_extension::<SubjectAltName>()?;
        let usages = body.get_extension::<ExtendedKeyUsage>()?;
        let read = Self {
            subject: body.subject().to_string(),
            issuer: body.issuer().to_string(),
            public_key: PublicKey::of(body.subject_public_key_info()),
            not_before: timestamp(body.validity().not_before),
            not_after: timestamp(body.validity().not_after),
            dns_names: names.map(|(_, names)| dns_names(&names)).unwrap_or_default(),
            for_servers: usages.is_none_or(|(_, usages)| usages.0.contains(&ID_KP_SERVER_AUTH)),
            der: CertificateDer::from(Vec::new()),
        };
        Ok(Self { der: CertificateDer::from(der), ..read })
    }

    /// Those of `required` under which a TLS client would not take this certificate.
    ///
    /// # Errors
    ///
    /// [`Problem::NotForServers`] when such a client cannot read it at all.
    pub(crate) fn missing_names(&self, required: &[String]) -> Result<Vec<String>, Problem> {
        let leaf = match EndEntityCert::try_from(&self.der) {
            Ok(leaf) => leaf,
            // X.509 v1 has no extensions, so no names.
            Err(webpki::Error::UnsupportedCertVersion) => return Ok(required.to_vec()),
            Err(error) => {
                let detail = format!("{error}: issue it anew");
                return Err(Problem::NotForServers { detail, not_after: self.not_after });
            }
        };
        let covered = |name: &str| {
            ServerName::try_from(name).is_ok_and(|name| leaf.verify_is_valid_for_subject_name(&name).is_ok())
        };
        Ok(required.iter().filter(|name| !covered(name)).cloned().collect())
    }

    /// True when `issuer` bears the name that this certificate says issued it.
    pub(crate) fn names_as_issuer(&self, issuer: &Self) -> bool {
        self.issuer == issuer.subject
    }
}

fn dns_names(names: &SubjectAltName) -> Vec<String> {
    let dns = |name: &GeneralName| match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        _ => None,
    };
    names.0.iter().filter_map(dns).collect()
}

/// The year 9999 of RFC 5280's "no end" lies beyond what a timestamp holds by hours: it becomes the last one.
fn timestamp(time: Time) -> Timestamp {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}
