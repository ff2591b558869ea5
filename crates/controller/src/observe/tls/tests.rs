use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use k8s_openapi::ByteString;
use kube::runtime::watcher;
use sei_testkit::certs::Authority;
use serde_json::{Value, json};

use super::*;
use crate::testbed::{self, Answer};

const FROM: i64 = 1_900_000_000;
const UNTIL: i64 = 1_900_086_400;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A Secret for `names`, valid between the two times.
fn secret(names: &[String]) -> Secret {
    let authority = Authority::new("issuer").unwrap();
    let time = |second| SystemTime::from(at(second));
    let pair = authority.issue_for(names, time(FROM), time(UNTIL)).unwrap();
    let data = [("tls.crt", pair.crt), ("tls.key", pair.key), ("ca.crt", authority.pem())];
    let data = data.map(|(key, text)| (key.to_owned(), ByteString(text.into_bytes())));
    Secret {
        type_: Some("kubernetes.io/tls".to_owned()),
        data: Some(BTreeMap::from(data)),
        ..Secret::default()
    }
}

fn metadata() -> Value {
    json!({ "name": "t", "namespace": "sei", "resourceVersion": "1" })
}

/// The findings of three passes while the cache has one version of the Secret, and the number of reads.
async fn found_and_reads(
    settings: &[(&str, &str)],
    answer: impl Fn(usize) -> Answer + Clone + Send + 'static,
) -> ([TlsFinding; 3], usize) {
    let reads = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&reads);
    let client = testbed::client(move |_| answer(counted.fetch_add(1, Ordering::AcqRel)));
    let (ctx, mut writers) = testbed::context(&client, settings);
    let cached = serde_json::from_value(json!({ "metadata": metadata() })).unwrap();
    writers.tls_secrets.as_mut().unwrap().apply_watcher_event(&watcher::Event::Apply(cached));
    let node = testbed::node("u", json!({ "fullNode": {}, "sidecar": { "tls": { "secretName": "t" } } }));
    let find = async || find(&ctx, &node, at(FROM)).await.unwrap();
    ([find().await, find().await, find().await], reads.load(Ordering::Acquire))
}

#[tokio::test]
async fn a_failed_read_of_a_secret_is_retried_by_the_next_pass() {
    let (found, reads) = found_and_reads(&[], |read| match read {
        0 => testbed::failure(500),
        _ => (200, json!({ "metadata": metadata(), "type": "Opaque" })),
    })
    .await;
    let [first, second, third] = found.map(|finding| finding.reason);
    assert_eq!(first, TlsSecretReason::Unavailable);
    assert_eq!([second, third], [TlsSecretReason::Malformed; 2]);
    assert_eq!(reads, 2, "a verdict is cached until the Secret changes");
}

#[tokio::test]
async fn a_secret_without_the_required_label_is_not_used() {
    let settings = [("SEI_REFERENCE_LABEL", "allowed=yes")];
    let unlabelled = |_| (200, json!({ "metadata": metadata(), "type": "kubernetes.io/tls" }));
    for TlsFinding { reason, message, .. } in found_and_reads(&settings, unlabelled).await.0 {
        assert_eq!(reason, TlsSecretReason::Unavailable, "{message}");
        assert!(message.starts_with("Secret sei/t lacks label allowed=yes"), "{message}");
    }
}

#[test]
fn the_secret_is_judged_again_when_its_verdict_changes_with_time() {
    let names = ["node-0".to_owned()];
    let mut secret = secret(&names);
    // The root certificates of an authority do not expire before the certificates here.
    let judge = |secret: &Secret, now| verdict("t", secret, &names, now).0;
    secret.data.as_mut().unwrap().remove("ca.crt");
    let early = judge(&secret, at(FROM - 1));
    assert_eq!((early.reason, early.changes_at), (TlsSecretReason::NotYetValid, Some(at(FROM))));
    let good = judge(&secret, early.changes_at.unwrap());
    assert_eq!((good.reason, good.not_after), (TlsSecretReason::Ready, Some(at(UNTIL))));
    let last = judge(&secret, at(UNTIL));
    assert_eq!(last.reason, TlsSecretReason::Ready, "it is valid up to and including that time");
    let over = judge(&secret, good.changes_at.unwrap());
    assert_eq!((over.reason, over.changes_at), (TlsSecretReason::Expired, None));
}

#[test]
fn long_lists_of_certificate_names_are_truncated() {
    let presented: Vec<_> = (0..500).map(|index| format!("{}-{index}.example", "x".repeat(50))).collect();
    let secret = secret(&presented);
    let finding = verdict("t", &secret, &["node-0".to_owned()], at(FROM)).0;
    assert_eq!(finding.reason, TlsSecretReason::SansMismatch);
    let certificate = finding.certificate.expect("it is shown although it cannot be used");
    let expected = SidecarCertificate { issuer: "CN=issuer".to_owned(), not_after: Some(Time(at(UNTIL))) };
    assert_eq!(certificate, expected);
    assert!(finding.message.len() < 5000, "{} bytes", finding.message.len());
}
