//! Builds certificates for the tests, and the Secret around them.

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    SanType, SignatureAlgorithm, date_time_ymd,
};
use sei_tls::{Accepted, Problem, SecretData, judge};

pub const SERVICE: &str = "rpc-0.sei.svc.cluster.local";
pub const POD: &str = "rpc-0-0.rpc-0.sei.svc.cluster.local";
/// A time within the validity of every certificate that is built here.
pub const NOW: &str = "2027-06-01T00:00:00Z";

/// The parts of a Secret, owned.
#[derive(Clone)]
pub struct Parts {
    pub type_: Option<String>,
    pub crt: Option<Vec<u8>>,
    pub key: Option<Vec<u8>>,
    pub ca: Option<Vec<u8>>,
}

impl Parts {
    pub fn new(crt: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        let type_ = Some("kubernetes.io/tls".to_owned());
        Self { type_, crt: Some(crt.into()), key: Some(key.into()), ca: None }
    }

    pub fn ca(mut self, ca: impl Into<Vec<u8>>) -> Self {
        self.ca = Some(ca.into());
        self
    }

    pub fn judged_at(&self, now: &str) -> Result<Accepted, Problem> {
        let data = SecretData {
            type_: self.type_.as_deref(),
            crt: self.crt.as_deref(),
            key: self.key.as_deref(),
            ca: self.ca.as_deref(),
        };
        judge(&data, &[SERVICE.to_owned(), POD.to_owned()], now.parse::<Timestamp>().unwrap())
    }

    pub fn judged(&self) -> Result<Accepted, Problem> {
        self.judged_at(NOW)
    }
}

/// A certificate with its key, both as PEM.
#[derive(Clone)]
pub struct Made {
    pub crt: String,
    pub key: String,
}

pub type Issuer = CertifiedIssuer<'static, KeyPair>;

pub fn authority(name: &str) -> Issuer {
    authority_of(ca(name))
}

pub fn authority_of(params: CertificateParams) -> Issuer {
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

pub fn intermediate(name: &str, root: &Issuer) -> Issuer {
    intermediate_of(ca(name), root)
}

pub fn intermediate_of(params: CertificateParams, root: &Issuer) -> Issuer {
    CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), root).unwrap()
}

/// Parameters of a CA, valid from 2026 to 2030.
pub fn ca(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2030, 1, 1);
    params
}

/// Parameters of a valid server certificate, to be modified by a test.
pub fn server(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    // Set directly: the constructor would turn addresses into IP names.
    params.subject_alt_names =
        names.into_iter().map(|name| SanType::DnsName(name.try_into().unwrap())).collect();
    params.not_before = date_time_ymd(2027, 1, 1);
    params.not_after = date_time_ymd(2028, 1, 1);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

pub fn issue(params: &CertificateParams, issuer: &Issuer) -> Made {
    issue_with(params, issuer, &KeyPair::generate().unwrap())
}

pub fn issue_with(params: &CertificateParams, issuer: &Issuer, key: &KeyPair) -> Made {
    Made { crt: params.signed_by(key, issuer).unwrap().pem(), key: key.serialize_pem() }
}

pub fn self_signed(params: &CertificateParams, key: &KeyPair) -> Made {
    Made { crt: params.self_signed(key).unwrap().pem(), key: key.serialize_pem() }
}

pub fn key_of(algorithm: &'static SignatureAlgorithm) -> KeyPair {
    KeyPair::generate_for(algorithm).unwrap()
}
