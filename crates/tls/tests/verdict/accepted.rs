//! Secrets that can serve TLS are accepted, with the trust that the Secret defines.

use rcgen::{KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, date_time_ymd};
use sei_tls::Trust;

use crate::maker::{
    POD, Parts, SERVICE, authority, authority_of, ca, intermediate, intermediate_of, issue, issue_with,
    key_of, self_signed, server,
};

fn good() -> rcgen::CertificateParams {
    server(&[SERVICE, POD])
}

#[test]
fn every_common_form_of_key_is_accepted() {
    let root = authority("root");
    let rsa = KeyPair::from_pem(include_str!("keys/rsa.pkcs8.pem")).unwrap();
    let p256 = KeyPair::from_pem(include_str!("keys/p256.pkcs8.pem")).unwrap();
    let (rsa, p256) = (issue_with(&good(), &root, &rsa), issue_with(&good(), &root, &p256));
    let p384 = issue_with(&good(), &root, &key_of(&PKCS_ECDSA_P384_SHA384));
    let ed25519 = issue_with(&good(), &root, &key_of(&PKCS_ED25519));
    for (name, crt, key) in [
        ("RSA, PKCS#8", &rsa.crt, include_str!("keys/rsa.pkcs8.pem")),
        ("RSA, PKCS#1", &rsa.crt, include_str!("keys/rsa.pkcs1.pem")),
        ("P-256, PKCS#8", &p256.crt, include_str!("keys/p256.pkcs8.pem")),
        ("P-256, SEC1 after its parameters", &p256.crt, include_str!("keys/p256.sec1.pem")),
        ("P-384", &p384.crt, &p384.key),
        ("Ed25519", &ed25519.crt, &ed25519.key),
    ] {
        let verdict = Parts::new(crt.as_str(), key).ca(root.pem()).judged();
        assert!(verdict.is_ok(), "{name}: {verdict:?}");
    }
}

#[test]
fn an_rsa_key_of_a_size_that_ring_does_not_load_is_accepted() {
    let rsa = Parts::new(include_str!("keys/rsa6144.crt.pem"), include_str!("keys/rsa6144.key.pem"));
    let verdict = rsa.judged();
    assert!(matches!(&verdict, Ok(accepted) if matches!(accepted.trust, Trust::Leaf(_))), "{verdict:?}");
    let other = Parts::new(include_str!("keys/rsa6144.crt.pem"), include_str!("keys/rsa.pkcs8.pem"));
    let verdict = other.judged().map_err(|problem| problem.to_string());
    assert!(matches!(&verdict, Err(why) if why.contains("does not belong")), "{verdict:?}");
}

#[test]
fn every_harmless_form_of_pem_text_is_accepted() {
    let root = authority("root");
    let made = issue(&good(), &root);
    let spaced = format!("subject=CN = rpc-0\n{}\n\n# the end\n", made.crt);
    for (name, crt, key) in [
        ("CRLF", made.crt.replace('\n', "\r\n"), made.key.replace('\n', "\r\n")),
        ("comments", spaced, format!("a comment\n{}", made.key)),
        ("no newline at the end", made.crt.trim_end().to_owned(), made.key.trim_end().to_owned()),
    ] {
        let verdict = Parts::new(crt, key).ca(root.pem()).judged();
        assert!(verdict.is_ok(), "{name}: {verdict:?}");
    }
}

#[test]
fn names_are_matched_as_tls_clients_do() {
    let root = authority("root");
    let upper = (SERVICE.to_uppercase(), POD.to_uppercase());
    for (name, names) in [
        ("upper case", vec![upper.0.as_str(), &upper.1]),
        ("wildcards of one label each", vec!["*.sei.svc.cluster.local", "*.rpc-0.sei.svc.cluster.local"]),
        ("more names than required", vec!["a.example", SERVICE, POD, "z.example"]),
    ] {
        let made = issue(&server(&names), &root);
        let verdict = Parts::new(made.crt, made.key).ca(root.pem()).judged();
        assert!(verdict.is_ok(), "{name}: {verdict:?}");
    }
}

#[test]
fn trust_is_ca_crt_or_else_the_issuers_in_tls_crt_or_else_the_leaf() {
    let root = authority("root");
    let between = intermediate("between", &root);
    let by_root = issue(&good(), &root);
    let by_between = issue(&good(), &between);
    let chain = format!("{}{}", by_between.crt, between.pem());
    let roots = |verdict: Result<sei_tls::Accepted, _>| match verdict.unwrap().trust {
        Trust::Roots(roots) => roots,
        Trust::Leaf(leaf) => panic!("a leaf of {} bytes", leaf.len()),
    };
    let ca = Parts::new(chain.as_str(), by_between.key.as_str()).ca(root.pem());
    assert_eq!(roots(ca.judged()), [root.der().clone()]);
    assert_eq!(roots(Parts::new(chain, by_between.key).judged()), [between.der().clone()]);

    let alone = Parts::new(by_root.crt, by_root.key);
    assert!(matches!(alone.judged().unwrap().trust, Trust::Leaf(_)));
    assert_eq!(alone.clone().ca("").judged(), alone.judged(), "an empty ca.crt counts as absent");
}

#[test]
fn common_self_signed_certificates_are_accepted() {
    let openssl =
        Parts::new(include_str!("keys/openssl-req-x509.crt.pem"), include_str!("keys/p256.sec1.pem"));
    assert!(matches!(openssl.judged().unwrap().trust, Trust::Leaf(_)), "created by openssl req -x509");

    // cert-manager's SelfSigned issuer stores the certificate as its own CA.
    let made = self_signed(&good(), &KeyPair::generate().unwrap());
    let stored = Parts::new(made.crt.as_str(), made.key).ca(made.crt.as_str());
    assert!(matches!(stored.judged().unwrap().trust, Trust::Leaf(_)));
}

#[test]
fn validity_includes_both_ends() {
    let root = authority("root");
    let made = issue(&good(), &root);
    let parts = Parts::new(made.crt, made.key);
    for at in ["2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"] {
        assert!(parts.judged_at(at).is_ok(), "{at}");
    }
    let accepted = parts.judged().unwrap();
    assert_eq!(accepted.end.to_string(), "2028-01-01T00:00:00Z");
}

#[test]
fn the_earliest_expiry_in_the_path_is_reported() {
    let root = authority("root");
    let mut short = ca("between");
    short.not_after = date_time_ymd(2027, 9, 1);
    let between = intermediate_of(short, &root);
    let made = issue(&good(), &between);
    let chain = format!("{}{}", made.crt, between.pem());
    let accepted = Parts::new(chain, made.key).ca(root.pem()).judged().unwrap();
    let end = "2027-09-01T00:00:00Z, when certificate 2 of tls.crt (CN=between) expires";
    assert_eq!(accepted.end.to_string(), end);

    let mut short = ca("root");
    short.not_after = date_time_ymd(2027, 8, 1);
    let root = authority_of(short);
    let made = issue(&good(), &root);
    let accepted = Parts::new(made.crt, made.key).ca(root.pem()).judged().unwrap();
    let end = "2027-08-01T00:00:00Z, when certificate 1 of ca.crt (CN=root) expires";
    assert_eq!(accepted.end.to_string(), end);
}

#[test]
fn certificates_that_no_path_needs_are_ignored() {
    let mut expired = ca("an older root");
    expired.not_after = date_time_ymd(2027, 1, 1);
    let (root, expired) = (authority("root"), authority_of(expired));
    let made = issue(&good(), &root);
    let unreadable = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    let bundle = format!("{unreadable}{}{}", expired.pem(), root.pem());
    let accepted = Parts::new(made.crt, made.key).ca(bundle).judged().unwrap();
    assert_eq!(accepted.end.to_string(), "2028-01-01T00:00:00Z");
    assert!(
        matches!(accepted.trust, Trust::Roots(roots) if roots.len() == 2),
        "clients cannot use the unreadable one"
    );
}
