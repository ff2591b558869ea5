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
    memory::{CachedVerdict, Version},
    references::{Kind, Target},
    refusal::error_message,
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
        memory.tls = version.filter(|_| !unavailable).map(|version| CachedVerdict {
            secret: secret.to_owned(),
            version,
            finding: finding.clone(),
        });
    });
    Some(finding)
}

/// `None` if the cache lacks the Secret: it is missing or of another type. It is watched separately then, since the watch of
/// TLS Secrets does not report when one of another type is created.
fn version(ctx: &Context, node: &SeiNode, secret: &str) -> Option<Version> {
    match &ctx.cache.tls_secrets {
        Some(store) => {
            let unreported = Target::of(node, Kind::UnreportedSecret, secret);
            let Some(meta) = store.get(&ObjectRef::new(secret).within(names::namespace(node))) else {
                ctx.references.follow(node, &unreported);
                return None;
            };
            ctx.references.unfollow(node, &unreported);
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
            let message =
                format!("Secret {namespace}/{name} could not be read: {}; retrying", error_message(&error));
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
                // Until then it stays valid.
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
mod tests;
