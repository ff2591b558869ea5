//! The recorded verdicts of Go.

use std::collections::BTreeSet;

use crate::{classes::class, secret::conformance};

#[test]
fn ready_only_where_go_loads_and_accepts_the_secret() {
    let mut wrong = Vec::new();
    for secret in conformance() {
        if secret.judged().is_ok() && !secret.go.accepts() {
            wrong.push(format!("{}: {:?}", secret.name, secret.go));
        }
    }
    assert!(wrong.is_empty(), "{} Secrets are Ready that Go refuses:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn secrets_accepted_by_go_are_rejected_only_for_documented_reasons() {
    let page = include_str!("../../../../docs/tls-secret.md");
    let mut wrong = Vec::new();
    let mut classes = BTreeSet::new();
    for secret in conformance().into_iter().filter(|secret| secret.go.accepts()) {
        let Err(problem) = secret.judged() else { continue };
        match class(&problem) {
            Some(class) => _ = classes.insert(class),
            None => wrong.push(format!("{}: {problem}", secret.name)),
        }
    }
    assert!(wrong.is_empty(), "refused without a documented reason:\n{}", wrong.join("\n"));
    for class in classes {
        assert!(page.contains(&format!("| {class}")), "docs/tls-secret.md does not name the class {class:?}");
    }
}

#[test]
fn common_keys_and_encodings_are_accepted() {
    let accepted = [
        "rsa2304",
        "rsa3000",
        "rsa5120",
        "rsa8192",
        "rsa2048e3",
        "p8ec-nopub",
        "p8ec-nopub-params",
        "sec1-nopub",
        "p8ec-wrongpub",
        "p8rsa-nonull",
        "pkcs8-any-label",
        "pkcs8-in-rsa-label",
        "sec1-in-pkcs8-label",
        "sec1-in-rsa-label",
        "sec1-trailing",
        "key-comment-encrypted-word",
        "key-header",
        "cert+key-in-key",
        "key+cert",
        "key-pubkey-after",
        "header-in-crt-noblank",
        "eku-any",
        "eku-empty",
        "san-other-bad",
        "san-tag9",
    ];
    for secret in conformance().into_iter().filter(|secret| accepted.contains(&secret.name.as_str())) {
        assert!(secret.judged().is_ok(), "{}: {}", secret.name, secret.judged().unwrap_err());
    }
}
