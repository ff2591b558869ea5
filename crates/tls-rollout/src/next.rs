//! The next step.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::ResourceExt;
use sei_api::{
    SeiNode,
    conditions::{ConditionType, is_true},
    names,
};
use serde_json::Value;

use crate::{
    certificate::certificate,
    checks::{is_of, objection},
    observed::{Observed, Secret, Target},
    recreated::{RECREATE_ANNOTATION, is_done, recreated, stored},
};

/// Where a node is on its way.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// The step to carry out next.
    Next(Step),
    /// What to wait for.
    Wait(String),
    /// Why nothing is done. Nothing was deleted, or what was can be continued from.
    Refused(String),
    /// The node is Ready with the TLS setting that was asked for.
    Done,
}

/// One step. Each is safe to repeat.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Create this cert-manager Certificate.
    Issue(Value),
    /// Write to the claim which SeiNode is to be created on it, and take the SeiNode off its owners.
    Keep {
        /// Name of the claim.
        claim: String,
        /// UID that it must have.
        uid: String,
        /// Resource version that it must have: its owners were checked.
        resource_version: String,
        /// The SeiNode, as JSON.
        recreate: String,
    },
    /// Delete the SeiNode.
    Delete {
        /// UID that it must have.
        uid: String,
    },
    /// Create the SeiNode that is stored on the claim.
    Create(Box<SeiNode>),
    /// Remove the stored SeiNode from the claim.
    Forget {
        /// Name of the claim.
        claim: String,
        /// UID that it must have.
        uid: String,
    },
}

/// What comes next on the way of a node to `target`.
pub fn next(observed: &Observed, target: &Target) -> Progress {
    let stored = observed.claim.as_ref().and_then(stored);
    let Some(node) = &observed.node else {
        return match (stored, &observed.claim) {
            (Some(stored), Some(claim)) => create(stored, claim, observed, target),
            _ => Progress::Refused(
                "there is no SeiNode of this name, and no claim on which one is stored".to_owned(),
            ),
        };
    };
    if node.metadata.deletion_timestamp.is_some() {
        return Progress::Wait("the SeiNode is being deleted".to_owned());
    }
    if !is_done(node, target) {
        return replace(node, observed, target);
    }
    let ready = node.status.as_ref().and_then(|status| status.condition(ConditionType::Ready));
    match (is_true(ready), stored, &observed.claim) {
        (true, Some(_), Some(claim)) => {
            Progress::Next(Step::Forget { claim: claim.name_any(), uid: uid(claim) })
        }
        (true, ..) => Progress::Done,
        (false, ..) => unready(node),
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

/// The SeiNode has the other setting: the certificate first, then the volume, then the SeiNode itself.
fn replace(node: &SeiNode, observed: &Observed, target: &Target) -> Progress {
    if let Some(objection) = objection(node, observed) {
        return Progress::Refused(objection);
    }
    if let (Target::Enable { .. }, Some(tls)) = (target, node.spec.tls()) {
        return Progress::Refused(format!(
            "it has TLS already, with Secret {}; disable that first",
            tls.secret_name
        ));
    }
    if let Some(progress) = secret(node, observed, target) {
        return progress;
    }
    let (Some(claim), Some(node_uid)) = (&observed.claim, node.uid()) else {
        return Progress::Refused("the SeiNode has no UID".to_owned());
    };
    let Ok(recreate) = serde_json::to_string(&recreated(node, target)) else {
        return Progress::Refused("the SeiNode cannot be written as JSON".to_owned());
    };
    let is_kept = claim.annotations().get(RECREATE_ANNOTATION) == Some(&recreate)
        && !claim.owner_references().iter().any(|owner| is_of(owner, node));
    Progress::Next(if is_kept {
        Step::Delete { uid: node_uid }
    } else {
        Step::Keep {
            claim: claim.name_any(),
            uid: uid(claim),
            resource_version: claim.resource_version().unwrap_or_default(),
            recreate,
        }
    })
}

/// What the Secret still needs.
fn secret(node: &SeiNode, observed: &Observed, target: &Target) -> Option<Progress> {
    let Target::Enable { secret, issuer } = target else { return None };
    let names = names::required_dns_names(node);
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
    if !is_done(&stored, target) {
        return Progress::Refused(format!(
            "claim {} stores a SeiNode with the other TLS setting: an earlier run was for that; finish it first",
            claim.name_any()
        ));
    }
    if claim.metadata.deletion_timestamp.is_some() {
        return Progress::Refused(format!(
            "claim {} is being deleted; see docs/backup.md to keep its volume",
            claim.name_any()
        ));
    }
    // The operator would wait as well; here nothing is created while the old pod may still sign.
    match &observed.pod {
        Some(pod) => Progress::Wait(format!("pod {} is ending", pod.name_any())),
        None => Progress::Next(Step::Create(Box::new(stored))),
    }
}

fn uid(claim: &PersistentVolumeClaim) -> String {
    claim.uid().unwrap_or_default()
}
