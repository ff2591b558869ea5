//! The next step of a group. The TLS setting of its template is immutable too, so the SeiNodeDeployment is deleted
//! without its SeiNodes and recreated with the other setting. It does not adopt SeiNodes with the old setting, and
//! recreates each that is deleted, so they are processed one by one like single nodes.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::ResourceExt;
use sei_api::{SeiNodeDeployment, conditions::is_true, deployment_conditions::ConditionType, labels};
use sei_deployment::child_name;
use serde_json::Value;

use crate::{
    checks::controller,
    next::{check, next, uid, version},
    observed::{Observed, Target},
    recreated::{recreated_group, stored_group},
    step::{Progress, Step},
};

/// The observed state of a group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObservedGroup {
    /// The SeiNodeDeployment.
    pub group: Option<SeiNodeDeployment>,
    /// The claim of its first SeiNode, which stores the SeiNodeDeployment to create.
    pub claim: Option<PersistentVolumeClaim>,
    /// Its SeiNodes by name, in the order in which they are processed.
    pub nodes: Vec<(String, Observed)>,
}

/// Progress of a group.
#[derive(Clone, Debug, PartialEq)]
pub enum GroupProgress {
    /// The step to execute next.
    Next(GroupStep),
    /// SeiNodes to process now.
    Nodes(Vec<String>),
    /// What to wait for.
    Wait(String),
    /// Why it cannot continue.
    Refused(String),
    /// The group is Ready with the requested TLS setting.
    Done,
}

/// One step. Each is safe to repeat.
#[derive(Clone, Debug, PartialEq)]
pub enum GroupStep {
    /// Create this cert-manager Certificate.
    Issue {
        /// The SeiNode that it is for.
        node: String,
        /// The Certificate.
        certificate: Value,
    },
    /// Store on the claim the SeiNodeDeployment to create.
    Keep {
        /// Name of the claim.
        claim: String,
        /// UID that it must have.
        uid: String,
        /// Resource version that it must have.
        resource_version: String,
        /// The SeiNodeDeployment, as JSON.
        recreate: String,
    },
    /// Delete the SeiNodeDeployment without its SeiNodes.
    Delete {
        /// UID that it must have.
        uid: String,
        /// Resource version that it must have: the one from which the stored object was derived.
        resource_version: String,
    },
    /// Create the SeiNodeDeployment that is stored on the claim.
    Create(Box<SeiNodeDeployment>),
    /// Remove the stored SeiNodeDeployment from the claim.
    Forget {
        /// Name of the claim.
        claim: String,
        /// UID that it must have.
        uid: String,
    },
}

/// Names of the SeiNodes of `group`, the highest ordinal first.
pub fn members(group: &SeiNodeDeployment) -> Vec<String> {
    (0..group.spec.replicas()).rev().map(|ordinal| child_name(group, ordinal)).collect()
}

/// The next step for a group that must get the setting `target`.
pub fn next_group(observed: &ObservedGroup, target: &Target) -> GroupProgress {
    let stored = observed.claim.as_ref().and_then(stored_group);
    let Some(group) = &observed.group else {
        return match stored {
            Some(stored) => create(stored, observed, target),
            None => GroupProgress::Refused(
                "there is no SeiNodeDeployment of this name, and no claim that stores one".to_owned(),
            ),
        };
    };
    if group.metadata.deletion_timestamp.is_some() {
        return GroupProgress::Wait("the SeiNodeDeployment is being deleted".to_owned());
    }
    if !target.is_met_by(&group.spec.template.spec) {
        return replace(group, observed, target);
    }
    let is_due = |(name, node): &&(String, Observed)| next(node, &target.of(name)) != Progress::Done;
    let due: Vec<_> = observed.nodes.iter().filter(is_due).map(|(name, _)| name.clone()).collect();
    if !due.is_empty() {
        return GroupProgress::Nodes(due);
    }
    match (unready(group), observed.claim.as_ref().filter(|_| stored.is_some())) {
        (Some(why), _) => GroupProgress::Wait(why),
        (None, Some(claim)) => {
            GroupProgress::Next(GroupStep::Forget { claim: claim.name_any(), uid: uid(claim) })
        }
        (None, None) => GroupProgress::Done,
    }
}

/// Why `group` is not Ready; `None` if it is.
fn unready(group: &SeiNodeDeployment) -> Option<String> {
    let status = group.status.as_ref();
    if status.and_then(|status| status.observed_generation) != group.metadata.generation {
        return Some("the operator has not reconciled the SeiNodeDeployment yet".to_owned());
    }
    let ready = status.and_then(|status| status.condition(ConditionType::Ready));
    (!is_true(ready)).then(|| ready.map_or_else(String::new, |ready| ready.message.clone()))
}

/// The group has the other setting: every SeiNode is checked before anything is deleted.
fn replace(group: &SeiNodeDeployment, observed: &ObservedGroup, target: &Target) -> GroupProgress {
    if let Some(objection) = objection(group, target) {
        return GroupProgress::Refused(objection);
    }
    for (name, observed) in &observed.nodes {
        let Some(node) = &observed.node else {
            return GroupProgress::Refused(format!("SeiNode {name} does not exist"));
        };
        match check(node, observed, &target.of(name)) {
            None => {}
            Some(Progress::Next(Step::Issue(certificate))) => {
                return GroupProgress::Next(GroupStep::Issue { node: name.clone(), certificate });
            }
            Some(Progress::Wait(what)) => return GroupProgress::Wait(format!("{name}: {what}")),
            Some(Progress::Refused(why)) => return GroupProgress::Refused(format!("{name}: {why}")),
            Some(Progress::Next(_) | Progress::Done) => {}
        }
    }
    let (Some(claim), Some(group_uid)) = (&observed.claim, group.uid()) else {
        return GroupProgress::Refused("the SeiNodeDeployment has no UID".to_owned());
    };
    let Ok(recreate) = serde_json::to_string(&recreated_group(group, target)) else {
        return GroupProgress::Refused("the SeiNodeDeployment cannot be written as JSON".to_owned());
    };
    let is_kept = claim.annotations().get(labels::RECREATE_GROUP_ANNOTATION) == Some(&recreate);
    GroupProgress::Next(if is_kept {
        let resource_version = group.resource_version().unwrap_or_default();
        GroupStep::Delete { uid: group_uid, resource_version }
    } else {
        GroupStep::Keep {
            claim: claim.name_any(),
            uid: uid(claim),
            resource_version: version(claim),
            recreate,
        }
    })
}

/// Why `group` must not be deleted now; `None` if it may be.
fn objection(group: &SeiNodeDeployment, target: &Target) -> Option<String> {
    if group.spec.genesis.is_some() {
        return Some(
            "it has spec.genesis, and a SeiNode of a genesis ceremony cannot be recreated".to_owned(),
        );
    }
    let unready = unready(group).map(|why| format!("it is not Ready: {why}"));
    unready.or_else(|| second_set(group)).or_else(|| target.conflict(&group.spec.template.spec))
}

/// Why the SeiNodes of `group` cannot be found by their names; `None` if they can.
fn second_set(group: &SeiNodeDeployment) -> Option<String> {
    let members = members(group);
    let mut nodes = group.status.iter().flat_map(|status| status.nodes.iter().flatten());
    let other = nodes.find(|node| !members.contains(&node.name))?;
    Some(format!(
        "its SeiNode {} belongs to the second set of a BlueGreen update; another BlueGreen update restores the names of the \
         first set",
        other.name
    ))
}

fn create(stored: SeiNodeDeployment, observed: &ObservedGroup, target: &Target) -> GroupProgress {
    if !target.is_met_by(&stored.spec.template.spec) {
        return GroupProgress::Refused(
            "the stored SeiNodeDeployment has the other TLS setting: an earlier run for that setting is incomplete; finish it first"
                .to_owned(),
        );
    }
    let is_owned = |(_, node): &&(String, Observed)| node.node.as_ref().and_then(controller).is_some();
    match observed.nodes.iter().find(is_owned) {
        Some((name, _)) => GroupProgress::Wait(format!("SeiNode {name} is being released")),
        None => GroupProgress::Next(GroupStep::Create(Box::new(stored))),
    }
}
