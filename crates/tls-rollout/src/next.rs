//! The next step of a node.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::{Resource, ResourceExt};
use sei_api::{
    SeiNode,
    conditions::{ConditionType, is_true},
    labels, names,
};

use crate::{
    certificate::certificate,
    checks::{controller, is_of, objection},
    observed::{Observed, Secret, Target},
    recreated::{recreated, stored},
    step::{Progress, Step},
};

/// The next step for a node that must get the setting `target`.
pub fn next(observed: &Observed, target: &Target) -> Progress {
    let stored = observed.claim.as_ref().and_then(stored);
    let Some(node) = &observed.node else {
        return match (stored, &observed.claim, &observed.group) {
            (_, _, Some(group)) => {
                Progress::Wait(format!("SeiNodeDeployment {} has not created the SeiNode yet", group.name))
            }
            (Some(stored), Some(claim), None) => create(stored, claim, observed, target),
            _ => Progress::Refused(
                "there is no SeiNode of this name, and no claim that stores one; write a \
                 SeiNodeDeployment as snd/NAME"
                    .to_owned(),
            ),
        };
    };
    if node.metadata.deletion_timestamp.is_some() {
        return Progress::Wait("the SeiNode is being deleted".to_owned());
    }
    if !target.is_met_by(&node.spec) {
        return replace(node, observed, target);
    }
    let kept = observed.claim.as_ref().filter(|_| stored.is_some());
    if let Some(progress) = kept.and_then(|claim| hand_over(node, claim, observed)) {
        return progress;
    }
    let ready = node.status.as_ref().and_then(|status| status.condition(ConditionType::Ready));
    match (is_true(ready), kept) {
        (true, Some(claim)) => Progress::Next(Step::Forget { claim: claim.name_any(), uid: uid(claim) }),
        (true, None) => Progress::Done,
        (false, _) => unready(node),
    }
}

fn unready(node: &SeiNode) -> Progress {
    let condition = |kind| node.status.as_ref().and_then(|status| status.condition(kind));
    match (condition(ConditionType::Stalled).filter(|it| is_true(Some(it))), condition(ConditionType::Ready))
    {
        (Some(stalled), _) => Progress::Refused(stalled.message.clone()),
        (None, Some(ready)) => Progress::Wait(ready.message.clone()),
        (None, None) => Progress::Wait("the operator has not reconciled the SeiNode yet".to_owned()),
    }
}

/// What prevents `node` from being replaced, including a certificate that it still needs.
pub(crate) fn check(node: &SeiNode, observed: &Observed, target: &Target) -> Option<Progress> {
    let refused = objection(node, observed).or_else(|| target.conflict(&node.spec)).map(Progress::Refused);
    refused.or_else(|| secret(node, observed, target))
}

/// Replaces a SeiNode that has the other setting: first the certificate, then the volume, then the SeiNode itself.
fn replace(node: &SeiNode, observed: &Observed, target: &Target) -> Progress {
    if let Some(progress) = check(node, observed, target) {
        return progress;
    }
    if let Some(owner) = controller(node) {
        return Progress::Wait(format!("{} {} has not released the SeiNode yet", owner.kind, owner.name));
    }
    let (Some(claim), Some(node_uid)) = (&observed.claim, node.uid()) else {
        return Progress::Refused("the SeiNode has no UID".to_owned());
    };
    let Ok(recreate) = serde_json::to_string(&recreated(node, target)) else {
        return Progress::Refused("the SeiNode cannot be written as JSON".to_owned());
    };
    let is_kept = claim.annotations().get(labels::RECREATE_ANNOTATION) == Some(&recreate)
        && !claim.owner_references().iter().any(|owner| is_of(owner, node));
    Progress::Next(if is_kept {
        Step::Delete { uid: node_uid }
    } else {
        Step::Keep { claim: claim.name_any(), uid: uid(claim), resource_version: version(claim), recreate }
    })
}

/// What must still happen before the Secret can be used.
fn secret(node: &SeiNode, observed: &Observed, target: &Target) -> Option<Progress> {
    let Target::Enable { secret, issuer } = target else { return None };
    let names = names::required_dns_names(node, &observed.domain);
    let problem = match &observed.secret {
        Secret::Valid => return None,
        Secret::Missing => {
            format!("Secret {secret} does not exist; it needs a certificate for {}", names.join(" and "))
        }
        Secret::Invalid(problem) => format!("Secret {secret}: {problem}"),
    };
    Some(match issuer {
        None => Progress::Refused(problem),
        Some(_) if observed.certificate => {
            Progress::Wait(format!("the certificate is being issued: {problem}"))
        }
        Some(issuer) => {
            Progress::Next(Step::Issue(certificate(names::namespace(node), secret, &names, issuer)))
        }
    })
}

fn create(stored: SeiNode, claim: &PersistentVolumeClaim, observed: &Observed, target: &Target) -> Progress {
    if !target.is_met_by(&stored.spec) {
        return Progress::Refused(format!(
            "claim {} stores a SeiNode with the other TLS setting: an earlier run for that setting is incomplete; finish it first",
            claim.name_any()
        ));
    }
    if claim.metadata.deletion_timestamp.is_some() {
        return Progress::Refused(format!(
            "claim {} is being deleted; see docs/backup.md to keep its volume",
            claim.name_any()
        ));
    }
    // The operator would wait as well; but this ensures that nothing is created while the old pod may still sign.
    match &observed.pod {
        Some(pod) => Progress::Wait(format!("pod {} is ending", pod.name_any())),
        None => Progress::Next(Step::Create(Box::new(stored))),
    }
}

/// Makes the new SeiNode the owner of the kept claim, once the old pod has released it. An imported claim has no owner.
fn hand_over(node: &SeiNode, claim: &PersistentVolumeClaim, observed: &Observed) -> Option<Progress> {
    if names::imported_claim(node).is_some()
        || claim.owner_references().iter().any(|owner| is_of(owner, node))
    {
        return None;
    }
    if let Some(other) = claim.owner_references().first() {
        let (name, kind) = (claim.name_any(), &other.kind);
        return Some(Progress::Refused(format!("claim {name} is owned by {kind} {}", other.name)));
    }
    Some(match (&observed.pod, node.controller_owner_ref(&())) {
        (Some(pod), _) => Progress::Wait(format!("pod {} is ending", pod.name_any())),
        (None, Some(owner)) => Progress::Next(Step::HandOver {
            claim: claim.name_any(),
            uid: uid(claim),
            resource_version: version(claim),
            owner,
        }),
        (None, None) => Progress::Refused("the SeiNode has no UID".to_owned()),
    })
}

pub(crate) fn uid(claim: &PersistentVolumeClaim) -> String {
    claim.uid().unwrap_or_default()
}

pub(crate) fn version(claim: &PersistentVolumeClaim) -> String {
    claim.resource_version().unwrap_or_default()
}
