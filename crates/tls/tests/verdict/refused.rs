//! Secrets that cannot serve TLS are rejected, with the kind of problem and what to do.

use rcgen::{ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, SanType, date_time_ymd};
use sei_tls::ProblemKind::{self, Expired, Malformed, NotYetValid, SansMismatch};

use crate::maker::{
    POD, Parts, SERVICE, authority, authority_of, ca, intermediate, intermediate_of, issue, server,
};

/// Validates each Secret and asserts the kind of the rejection and part of its message.
fn refuse(cases: Vec<(&str, Parts, ProblemKind, &str)>) {
    for (name, parts, kind, part) in cases {
        let problem = parts.judged().expect_err(name);
        assert_eq!(problem.kind(), kind, "{name}: {problem}");
        assert!(problem.to_string().contains(part), "{name}: {problem}");
    }
}

fn good() -> Parts {
    let root = authority("root");
    let made = issue(&server(&[SERVICE, POD]), &root);
    Parts::new(made.crt, made.key).ca(root.pem())
}

fn text(bytes: &Option<Vec<u8>>) -> String {
    String::from_utf8(bytes.clone().unwrap()).unwrap()
}

#[test]
fn secrets_without_type_certificate_or_key_are_rejected() {
    refuse(vec![
        ("no type", Parts { type_: None, ..good() }, Malformed, "kubernetes.io/tls"),
        ("other type", Parts { type_: Some("Opaque".into()), ..good() }, Malformed, "its type is \"Opaque\""),
        ("no tls.crt", Parts { crt: None, ..good() }, Malformed, "tls.crt is missing or empty"),
        ("empty tls.crt", Parts { crt: Some(vec![]), ..good() }, Malformed, "tls.crt is missing or empty"),
        ("no tls.key", Parts { key: None, ..good() }, Malformed, "tls.key is missing or empty"),
        ("empty tls.key", Parts { key: Some(vec![]), ..good() }, Malformed, "tls.key is missing or empty"),
    ]);
}

/// `crt` with another name, chosen so that its base64 ends with padding, and the same without the padding.
fn unpadded(crt: &str) -> String {
    let root = authority("root");
    let named = |length| issue(&server(&[SERVICE, POD, &"a".repeat(length)]), &root).crt;
    let padded = (1..60).map(named).find(|crt| crt.contains('=')).unwrap_or_else(|| crt.to_owned());
    padded.replace('=', "")
}

#[test]
fn pem_that_parsers_read_differently_is_rejected() {
    let good = good();
    let (crt, key) = (text(&good.crt), text(&good.key));
    let with_crt = |crt: String| Parts { crt: Some(crt.into_bytes()), ..good.clone() };
    let with_key = |key: String| Parts { key: Some(key.into_bytes()), ..good.clone() };
    let one_line = key.replace('\n', " ");
    refuse(vec![
        ("prose", with_crt("a certificate".into()), Malformed, "no PEM block"),
        ("BOM", with_crt(format!("\u{feff}{crt}")), Malformed, "byte order mark"),
        ("indented", with_crt(format!("  {crt}")), Malformed, "BEGIN line"),
        ("cut off", with_crt(crt[..crt.len() / 2].into()), Malformed, "no END line"),
        ("not base64", with_crt(crt.replacen("MII", "M*I", 1)), Malformed, "not valid padded base64"),
        ("not a certificate", with_crt(crt.replacen("MII", "MIA", 1)), Malformed, "certificate 1 of tls.crt"),
        ("key in tls.crt", with_crt(format!("{crt}{key}")), Malformed, "leaked"),
        (
            "openssl -trustout",
            with_crt(crt.replace("CERTIFICATE", "TRUSTED CERTIFICATE")),
            Malformed,
            "TRUSTED",
        ),
        ("key on one line", with_key(one_line), Malformed, "BEGIN line"),
        ("certificate as key", with_key(crt.clone()), Malformed, "PRIVATE KEY"),
        ("carriage returns only", with_crt(crt.replace('\n', "\r")), Malformed, "carriage returns"),
        (
            "text after END",
            with_crt(crt.replace("END CERTIFICATE-----", "END CERTIFICATE----- x")),
            Malformed,
            "END line",
        ),
        ("no padding", with_crt(unpadded(&crt)), Malformed, "padded base64"),
        ("a newline as ca.crt", good.clone().ca("\n"), Malformed, "remove the entry if it is optional"),
        (
            "UTF-16",
            Parts { crt: Some(crt.encode_utf16().flat_map(u16::to_le_bytes).collect()), ..good.clone() },
            Malformed,
            "no PEM block",
        ),
        ("key in ca.crt", good.clone().ca(key.clone()), Malformed, "ca.crt holds a private key"),
        ("prose in ca.crt", good.clone().ca("none"), Malformed, "ca.crt"),
        ("a mebibyte of rubbish", with_crt("\u{1}x".repeat(1 << 19)), Malformed, "no PEM block"),
    ]);
}

#[test]
fn unusable_keys_are_rejected() {
    let openssl = include_str!("keys/openssl-req-x509.crt.pem");
    let with = |key: &str| Parts::new(openssl, key);
    let other = KeyPair::generate().unwrap().serialize_pem();
    refuse(vec![
        ("encrypted, PKCS#8", with(include_str!("keys/p256.encrypted.pem")), Malformed, "encrypted"),
        ("encrypted, old form", with(include_str!("keys/p256.proctype.pem")), Malformed, "encrypted"),
        ("of another certificate", with(&other), Malformed, "does not belong"),
        (
            "P-521",
            Parts::new(include_str!("keys/p521.crt.pem"), include_str!("keys/p521.key.pem")),
            Malformed,
            "tls.key is an ECDSA key on P-521",
        ),
        (
            "RSA of 1024 bits",
            Parts::new(include_str!("keys/rsa1024.crt.pem"), include_str!("keys/rsa1024.key.pem")),
            Malformed,
            "tls.key is an RSA key of 1024 bits",
        ),
    ]);
}

#[test]
fn chains_out_of_order_are_rejected() {
    let root = authority("root");
    let between = intermediate("between", &root);
    let made = issue(&server(&[SERVICE, POD]), &between);
    let (leaf, between, root) = (made.crt, between.pem(), root.pem());
    let chain = |parts: &[&str]| Parts::new(parts.concat(), made.key.as_str());
    refuse(vec![
        ("leaf last", chain(&[&between, &leaf]), Malformed, "is number 2 in tls.crt: put it first"),
        (
            "issuers swapped",
            chain(&[&leaf, &root, &between]),
            Malformed,
            "certificate 2 of tls.crt (CN=root)",
        ),
        ("a stranger", chain(&[&leaf, &authority("other").pem()]), Malformed, "CN=other"),
        (
            "another CA",
            chain(&[&leaf]).ca(authority("other").pem()),
            Malformed,
            "no CA in the Secret issued it",
        ),
    ]);
    assert!(chain(&[&leaf, &between, &root]).judged().is_ok());

    let many = [leaf.as_str(), &between]
        .into_iter()
        .chain(std::iter::repeat_n(root.as_str(), 200))
        .collect::<Vec<_>>();
    refuse(vec![("larger than clients read", chain(&many), Malformed, "more than the 64 KiB")]);
}

#[test]
fn certificates_without_the_required_names_are_rejected() {
    let root = authority("root");
    let with = |names: &[&str]| {
        let made = issue(&server(names), &root);
        Parts::new(made.crt, made.key).ca(root.pem())
    };
    let dotted = (format!("{SERVICE}."), format!("{POD}."));
    let mut cn_only = server(&[]);
    cn_only.distinguished_name.push(rcgen::DnType::CommonName, SERVICE);
    let cn_only = issue(&cn_only, &root);
    let mut other_kinds = server(&[]);
    other_kinds.subject_alt_names = vec![
        SanType::IpAddress("10.0.0.1".parse().unwrap()),
        SanType::URI(format!("https://{SERVICE}").try_into().unwrap()),
    ];
    let other_kinds = issue(&other_kinds, &root);
    let v1 = Parts::new(include_str!("keys/v1.crt.pem"), include_str!("keys/p256.sec1.pem"));
    refuse(vec![
        ("others", with(&["a.example"]), SansMismatch, "presented a.example; missing rpc-0.sei"),
        ("one of two", with(&[SERVICE]), SansMismatch, "missing rpc-0-0.rpc-0.sei.svc.cluster.local:"),
        ("trailing dot", with(&[&dotted.0, &dotted.1]), SansMismatch, "missing"),
        ("wildcard over two labels", with(&["*.svc.cluster.local"]), SansMismatch, "missing"),
        ("one wildcard for both", with(&["*.sei.svc.cluster.local"]), SansMismatch, "missing rpc-0-0"),
        ("CN only", Parts::new(cn_only.crt, cn_only.key), SansMismatch, "presented none"),
        ("IP and URI", Parts::new(other_kinds.crt, other_kinds.key), SansMismatch, "presented none"),
        ("X.509 v1", v1, SansMismatch, "presented none"),
    ]);
}

#[test]
fn certificates_outside_their_validity_or_usage_are_rejected() {
    let root = authority("root");
    let made = issue(&server(&[SERVICE, POD]), &root);
    let parts = Parts::new(made.crt, made.key);
    let expired = parts.judged_at("2028-01-01T00:00:01Z").unwrap_err();
    assert_eq!((expired.kind(), expired.to_string().contains("renew it")), (Expired, true));
    assert_eq!(expired.not_after().unwrap().to_string(), "2028-01-01T00:00:00Z");
    let early = parts.judged_at("2026-12-31T23:59:59Z").unwrap_err();
    assert_eq!(early.kind(), NotYetValid);
    assert_eq!(early.not_before().unwrap().to_string(), "2027-01-01T00:00:00Z");

    let mut client = server(&[SERVICE, POD]);
    client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let client = issue(&client, &root);
    refuse(vec![("for clients", Parts::new(client.crt, client.key), Malformed, "server auth")]);
}

#[test]
fn issuers_that_clients_in_go_refuse_are_named() {
    let with_root = |change: fn(&mut rcgen::CertificateParams)| {
        let mut params = ca("root");
        change(&mut params);
        let root = authority_of(params);
        let made = issue(&server(&[SERVICE, POD]), &root);
        Parts::new(made.crt, made.key).ca(root.pem())
    };
    let root = authority("root");
    let with_between = |change: fn(&mut rcgen::CertificateParams)| {
        let mut params = ca("between");
        change(&mut params);
        let between = intermediate_of(params, &root);
        let made = issue(&server(&[SERVICE, POD]), &between);
        Parts::new(made.crt + &between.pem(), made.key).ca(root.pem())
    };
    let expired: fn(&mut rcgen::CertificateParams) = |ca| ca.not_after = date_time_ymd(2027, 5, 1);
    let early: fn(&mut rcgen::CertificateParams) = |ca| ca.not_before = date_time_ymd(2027, 7, 1);
    let no_ca: fn(&mut rcgen::CertificateParams) = |ca| ca.is_ca = rcgen::IsCa::ExplicitNoCa;
    let no_signing: fn(&mut rcgen::CertificateParams) =
        |ca| ca.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let for_clients: fn(&mut rcgen::CertificateParams) =
        |ca| ca.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let (root_place, between_place) =
        ("certificate 1 of ca.crt (CN=root)", "certificate 2 of tls.crt (CN=between)");
    refuse(vec![
        ("root expired", with_root(expired), Expired, root_place),
        ("root not valid yet", with_root(early), NotYetValid, root_place),
        ("root is not a CA", with_root(no_ca), Malformed, root_place),
        ("root may not sign", with_root(no_signing), Malformed, root_place),
        ("root for clients", with_root(for_clients), Malformed, root_place),
        ("intermediate expired", with_between(expired), Expired, between_place),
        ("intermediate not valid yet", with_between(early), NotYetValid, between_place),
        ("intermediate may not sign", with_between(no_signing), Malformed, between_place),
    ]);
}

#[test]
fn text_from_a_certificate_is_escaped() {
    let root = authority("root");
    let mut params = server(&[]);
    params.subject_alt_names = vec![SanType::DnsName("a\u{1b}[31m\n.example".try_into().unwrap())];
    let made = issue(&params, &root);
    let problem = Parts::new(made.crt, made.key).ca(root.pem()).judged().unwrap_err().to_string();
    assert!(problem.contains("presented a\\u{1b}[31m\\n.example"), "{problem}");
}
