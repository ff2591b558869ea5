//! Chains of three certificates with every extension that CAs use, and with their keys.

use std::collections::BTreeMap;

use fastrand::Rng;
use rcgen::{
    BasicConstraints, CertificateParams, CrlDistributionPoint, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose as Usage, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    NameConstraints, SanType, SigningKey, date_time_ymd,
};

use crate::{
    der,
    secret::{GoVerdict, NAMES, Secret},
};

/// Leaf, intermediate, root, each issued by the next one.
pub struct Chain {
    certificates: Vec<Vec<u8>>,
    keys: Vec<KeyPair>,
}

impl Chain {
    pub fn new(rng: &mut Rng) -> Self {
        let keys: Vec<_> = (0..3).map(|_| KeyPair::generate().unwrap()).collect();
        let params = [leaf(rng), authority("between", rng), authority("root", rng)];
        let certificates = params.iter().enumerate().map(|(place, own)| {
            let issuer = (place + 1).min(2);
            let issuer = Issuer::from_params(&params[issuer], &keys[issuer]);
            own.signed_by(&keys[place], &issuer).unwrap().der().to_vec()
        });
        Self { certificates: certificates.collect(), keys }
    }

    /// Damages the content of one certificate and signs it.
    pub fn damage(&mut self, rng: &mut Rng) {
        let place = rng.usize(..3);
        let issuer = &self.keys[(place + 1).min(2)];
        let damaged = der::damage_body(&self.certificates[place], rng);
        let signed = damaged.and_then(|der| der::resign(&der, |body| issuer.sign(body).unwrap()));
        if let Some(signed) = signed {
            self.certificates[place] = signed;
        }
    }

    /// Stores the chain and its keys in one of the usual forms.
    pub fn stored(&self, rng: &mut Rng) -> Secret {
        let (crt, ca): (&[usize], &[usize]) = match rng.u8(..8) {
            0 => (&[0, 1, 2], &[]),
            1 => (&[0, 1], &[]),
            2 => (&[0], &[]),
            3 => (&[0, 1], &[1]),
            4 => (&[0, 1, 2], &[2]),
            5 => (&[0, 1], &[1, 2]),
            6 => (&[0], &[1]),
            _ => (&[0, 1], &[2]),
        };
        let text = |places: &[usize]| {
            let blocks = places.iter().map(|place| pem::encode("CERTIFICATE", &self.certificates[*place]));
            blocks.collect::<String>().into_bytes()
        };
        let mut data = BTreeMap::from([
            ("tls.crt".to_owned(), text(crt)),
            ("tls.key".to_owned(), self.keys[0].serialize_pem().into_bytes()),
        ]);
        if !ca.is_empty() {
            data.insert("ca.crt".to_owned(), text(ca));
        }
        let at =
            ["2030-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "2027-01-01T00:00:01Z", "2036-06-01T00:00:00Z"];
        Secret {
            name: "generated".to_owned(),
            group: "generated".to_owned(),
            at: at[if rng.u8(..4) == 0 { rng.usize(..4) } else { 0 }].parse().unwrap(),
            type_: "kubernetes.io/tls".to_owned(),
            data,
            go: GoVerdict::default(),
        }
    }
}

fn leaf(rng: &mut Rng) -> CertificateParams {
    let mut params = dated(&format!("rpc-{}", rng.u8(..3)), rng);
    params.subject_alt_names = NAMES.iter().map(|name| dns(name)).collect();
    let more = [
        dns("*.sei.svc.cluster.local"),
        dns("a..b"),
        dns("*"),
        SanType::IpAddress([10, 0, 0, 1].into()),
        SanType::Rfc822Name("ops@example.com".try_into().unwrap()),
        SanType::Rfc822Name("ops".try_into().unwrap()),
        SanType::URI("spiffe://cluster.local/ns/sei/sa/rpc-0".try_into().unwrap()),
        SanType::URI("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6".try_into().unwrap()),
    ];
    params.subject_alt_names.extend(more.into_iter().filter(|_| rng.u8(..6) == 0));
    params.is_ca = if rng.u8(..8) == 0 { IsCa::ExplicitNoCa } else { IsCa::NoCa };
    if rng.bool() {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    }
    params.extended_key_usages = usages(rng);
    params
}

fn authority(name: &str, rng: &mut Rng) -> CertificateParams {
    let mut params = dated(name, rng);
    params.is_ca = match rng.u8(..8) {
        0 => IsCa::NoCa,
        1 => IsCa::ExplicitNoCa,
        2 => IsCa::Ca(BasicConstraints::Constrained(rng.u8(..2))),
        _ => IsCa::Ca(BasicConstraints::Unconstrained),
    };
    params.key_usages = match rng.u8(..8) {
        0 => vec![KeyUsagePurpose::DigitalSignature],
        1..4 => Vec::new(),
        _ => vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign],
    };
    if rng.u8(..3) == 0 {
        params.extended_key_usages = usages(rng);
    }
    if rng.u8(..4) == 0 {
        params.name_constraints =
            Some(NameConstraints { permitted_subtrees: subtrees(rng), excluded_subtrees: subtrees(rng) });
    }
    params
}

fn subtrees(rng: &mut Rng) -> Vec<GeneralSubtree> {
    let domains = [
        "cluster.local",
        ".cluster.local",
        "sei.svc.cluster.local",
        "example.com",
        "",
        "local",
        "Svc.Cluster.Local",
    ];
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, "rpc-0");
    let all = [
        GeneralSubtree::DnsName(domains[rng.usize(..domains.len())].to_owned()),
        GeneralSubtree::Rfc822Name("example.com".to_owned()),
        GeneralSubtree::DirectoryName(name),
        GeneralSubtree::IpAddress(rcgen::CidrSubnet::V4([10, 0, 0, 0], [255, 0, 0, 0])),
    ];
    all.into_iter().filter(|_| rng.u8(..3) == 0).collect()
}

fn usages(rng: &mut Rng) -> Vec<Usage> {
    match rng.u8(..6) {
        0 => Vec::new(),
        1 => vec![Usage::ClientAuth],
        2 => vec![Usage::Any],
        3 => vec![Usage::ServerAuth, Usage::ClientAuth],
        _ => vec![Usage::ServerAuth],
    }
}

fn dated(name: &str, rng: &mut Rng) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2025, 1, 1);
    params.not_after = date_time_ymd(if rng.u8(..8) == 0 { 2027 } else { 2036 }, 1, 1);
    params.use_authority_key_identifier_extension = rng.bool();
    if rng.u8(..4) == 0 {
        params.crl_distribution_points =
            vec![CrlDistributionPoint { uris: vec!["http://ca.example/crl".to_owned()] }];
    }
    // authorityInfoAccess, certificatePolicies, policyConstraints, inhibitAnyPolicy, a private extension.
    let extensions: [(&[u64], &[u8]); 5] = [
        (
            &[1, 3, 6, 1, 5, 5, 7, 1, 1],
            b"\x30\x14\x30\x12\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x01\x86\x06http:x",
        ),
        (&[2, 5, 29, 32], b"\x30\x06\x30\x04\x06\x02\x2a\x03"),
        (&[2, 5, 29, 36], b"\x30\x03\x80\x01\x00"),
        (&[2, 5, 29, 54], b"\x02\x01\x00"),
        (&[1, 3, 6, 1, 4, 1, 99999, 1], b"\x05\x00"),
    ];
    for (oid, value) in extensions {
        if rng.u8(..10) == 0 {
            let mut extension = CustomExtension::from_oid_content(oid, value.to_vec());
            extension.set_criticality(rng.u8(..4) == 0);
            params.custom_extensions.push(extension);
        }
    }
    params
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

pub mod pem {
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    pub fn encode(label: &str, der: &[u8]) -> String {
        let text = STANDARD.encode(der);
        let lines = text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line) + "\n");
        format!("-----BEGIN {label}-----\n{}-----END {label}-----\n", lines.collect::<String>())
    }
}
