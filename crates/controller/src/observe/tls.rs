//! The Secret of `spec.sidecar.tls`: looked up by version, read only if the version changed, judged, and
//! dropped. Its key bytes are in memory only during the check.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::Time};
use kube::{Api, runtime::reflector::ObjectRef};
use sei_api::{SeiNode, conditions::TlsSecretReason, names, v1alpha1::SidecarCertificate};
use sei_decide::TlsFinding;
use sei_sidecar::{ServerTrust, cut};
use sei_tls::{Accepted, Presented, Problem, ProblemKind, SecretData, Trust, judge};

use crate::{
    context::Context,
    memory::{Judged, Version},
    references::{Kind, Target},
    refusal::words,
};

/// The resolution of timestamps.
const INSTANT: SignedDuration = SignedDuration::from_nanos(1);

pub(super) async fn find(ctx: &Context, node: &SeiNode, now: Timestamp) -> Option<TlsFinding> {
    let secret = node.spec.tls()?.secret_name.as_str();
    let version = version(ctx, node, secret);
    let kept = ctx.memory(node, |memory| {
        let judged = memory.tls.as_ref()?;
        let same = judged.secret == secret && Some(&judged.version) == version.as_ref();
        let current = judged.finding.changes_at.is_none_or(|at| now < at);
        (same && current).then(|| judged.finding.clone())
    });
    if kept.is_some() {
        return kept;
    }
    let (finding, trust) = read(ctx, node, secret, now).await;
    ctx.memory(node, |memory| {
        if trust.is_some() {
            memory.trust = trust;
        }
        let unavailable = finding.reason == TlsSecretReason::Unavailable;
        memory.tls = version.filter(|_| !unavailable).map(|version| Judged {
            secret: secret.to_owned(),
            version,
            finding: finding.clone(),
        });
    });
    Some(finding)
}

/// `None` if nothing can be known without a request: the Secret is absent or of another type.
fn version(ctx: &Context, node: &SeiNode, secret: &str) -> Option<Version> {
    match &ctx.cache.tls_secrets {
        Some(store) => {
            let meta = store.get(&ObjectRef::new(secret).within(names::namespace(node)))?;
            meta.metadata.resource_version.clone().map(Version::At)
        }
        None => {
            let changes = ctx.references.follow(node, &Target::of(node, Kind::Secret, secret));
            (changes > 0).then_some(Version::Changes(changes))
        }
    }
}

async fn read(
    ctx: &Context,
    node: &SeiNode,
    name: &str,
    now: Timestamp,
) -> (TlsFinding, Option<ServerTrust>) {
    let namespace = names::namespace(node);
    let api: Api<Secret> = Api::namespaced(ctx.client.clone(), namespace);
    let required = names::required_dns_names(node, ctx.platform.cluster_domain());
    match api.get_opt(name).await {
        Ok(Some(secret)) => match ctx.platform.refuses_reference(secret.metadata.labels.as_ref()) {
            Some(why) => {
                let message = format!("Secret {namespace}/{name} {why}");
                (without_dates(TlsSecretReason::Unavailable, message), None)
            }
            None => verdict(name, &secret, &required, now),
        },
        Ok(None) => {
            let message = format!(
                "Secret {namespace}/{name} does not exist: create it with type kubernetes.io/tls and a certificate for {}",
                required.join(" and ")
            );
            (without_dates(TlsSecretReason::NotFound, message), None)
        }
        Err(error) => {
            let message = format!("Secret {namespace}/{name} could not be read: {}; retrying", words(&error));
            (without_dates(TlsSecretReason::Unavailable, message), None)
        }
    }
}

fn verdict(
    name: &str,
    secret: &Secret,
    required: &[String],
    now: Timestamp,
) -> (TlsFinding, Option<ServerTrust>) {
    let value = |key: &str| secret.data.as_ref()?.get(key).map(|bytes| bytes.0.as_slice());
    let data = SecretData {
        type_: secret.type_.as_deref(),
        crt: value("tls.crt"),
        key: value("tls.key"),
        ca: value("ca.crt"),
    };
    let certificate = data.crt.and_then(Presented::read).map(|Presented { issuer, not_after }| {
        SidecarCertificate { issuer, not_after: Some(Time(not_after)) }
    });
    match judge(&data, required, now) {
        Ok(accepted) => {
            let finding = TlsFinding {
                reason: TlsSecretReason::Ready,
                message: format!(
                    "Secret {name} is valid for {} until {}",
                    required.join(" and "),
                    accepted.end
                ),
                certificate,
                not_after: Some(accepted.end.not_after),
                // It is still valid at this time.
                changes_at: accepted.end.not_after.checked_add(INSTANT).ok(),
            };
            (finding, Some(trust(accepted)))
        }
        Err(problem) => (TlsFinding { certificate, ..refused(name, &problem) }, None),
    }
}

fn refused(name: &str, problem: &Problem) -> TlsFinding {
    let reason = match problem.kind() {
        ProblemKind::Malformed => TlsSecretReason::Malformed,
        ProblemKind::SansMismatch => TlsSecretReason::SansMismatch,
        ProblemKind::Expired => TlsSecretReason::Expired,
        ProblemKind::NotYetValid => TlsSecretReason::NotYetValid,
    };
    TlsFinding {
        reason,
        message: format!("Secret {name}: {}", cut(&problem.to_string())),
        certificate: None,
        not_after: problem.not_after(),
        changes_at: problem.not_before().filter(|_| reason == TlsSecretReason::NotYetValid),
    }
}

fn trust(accepted: Accepted) -> ServerTrust {
    match accepted.trust {
        Trust::Roots(roots) => ServerTrust::Roots(roots),
        Trust::Leaf(leaf) => ServerTrust::Leaf(leaf),
    }
}

fn without_dates(reason: TlsSecretReason, message: String) -> TlsFinding {
    TlsFinding { reason, message, certificate: None, not_after: None, changes_at: None }
}

#[cfg(test)]
mod tests {
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

    /// The results of three passes while the cache has one version of the Secret, and the number of reads.
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
        let expected =
            SidecarCertificate { issuer: "CN=issuer".to_owned(), not_after: Some(Time(at(UNTIL))) };
        assert_eq!(certificate, expected);
        assert!(finding.message.len() < 5000, "{} bytes", finding.message.len());
    }
}
