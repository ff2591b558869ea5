//! All remaining steps of a node, for a dry run.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, OwnerReference, Time};
use kube::ResourceExt;
use sei_api::{
    SeiNode,
    conditions::ConditionType,
    labels,
    v1alpha1::{NodePhase, SeiNodeStatus},
};

use crate::{
    next::next,
    observed::{Observed, Secret, Target},
    recreated::stored,
    step::{Progress, Step},
};

/// An upper bound on the number of steps.
pub(crate) const LIMIT: usize = 32;

/// The steps from what was observed to `target`, if nothing fails.
///
/// # Errors
/// Why the first or a later step is refused.
pub fn steps(observed: &Observed, target: &Target) -> Result<Vec<Step>, String> {
    run(&mut observed.clone(), target)
}

/// Like [`steps`], but leaves the state after the last step in `observed`.
pub(crate) fn run(observed: &mut Observed, target: &Target) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    for _ in 0..LIMIT {
        match next(observed, target) {
            Progress::Done => return Ok(steps),
            Progress::Refused(why) => return Err(why),
            Progress::Wait(_) => pass_time(observed),
            Progress::Next(step) => {
                carry_out(&step, observed);
                steps.push(step);
            }
        }
    }
    Err("the steps do not end; this is a bug in sei-operator".to_owned())
}

/// The effect of a step.
fn carry_out(step: &Step, observed: &mut Observed) {
    let node = observed.node.as_ref().and_then(ResourceExt::uid);
    match (step, &mut observed.claim) {
        (Step::Issue(_), _) => observed.certificate = true,
        (Step::Delete { .. }, _) => observed.node = None,
        (Step::Create(node), _) => observed.node = Some(created(node)),
        (Step::Keep { recreate, .. }, Some(claim)) => {
            claim.owner_references_mut().retain(|owner| Some(&owner.uid) != node.as_ref());
            claim.annotations_mut().insert(labels::RECREATE_ANNOTATION.to_owned(), recreate.clone());
        }
        (Step::HandOver { owner, .. }, Some(claim)) => claim.owner_references_mut().push(owner.clone()),
        (Step::Forget { .. }, Some(claim)) => {
            claim.annotations_mut().remove(labels::RECREATE_ANNOTATION);
        }
        (Step::Keep { .. } | Step::HandOver { .. } | Step::Forget { .. }, None) => {}
    }
}

fn created(node: &SeiNode) -> SeiNode {
    let mut node = node.clone();
    node.metadata.uid = Some("that of the new SeiNode".to_owned());
    node
}

/// What other controllers do in the meantime.
fn pass_time(observed: &mut Observed) {
    issue(observed);
    let stored = observed.claim.as_ref().and_then(stored);
    match (&mut observed.node, &observed.group, stored) {
        (Some(node), ..) if node.metadata.deletion_timestamp.is_some() => observed.node = None,
        (Some(_), ..) if observed.pod.take().is_some() => {}
        (Some(node), ..) => node.status = Some(ready()),
        (None, Some(_), Some(stored)) => observed.node = Some(created(&stored)),
        (None, ..) => observed.pod = None,
    }
}

/// Issues a requested certificate.
pub(crate) fn issue(observed: &mut Observed) {
    if observed.certificate {
        observed.secret = Secret::Valid;
    }
}

fn ready() -> SeiNodeStatus {
    SeiNodeStatus {
        phase: Some(NodePhase::Running),
        conditions: Some(vec![fulfilled(ConditionType::Ready.as_str())]),
        ..SeiNodeStatus::default()
    }
}

/// A condition that is True.
pub(crate) fn fulfilled(kind: &str) -> Condition {
    Condition {
        type_: kind.to_owned(),
        status: "True".to_owned(),
        reason: String::new(),
        message: String::new(),
        last_transition_time: Time(Default::default()),
        observed_generation: None,
    }
}

/// Removes the controller of `observed`.
pub(crate) fn release(observed: &mut Observed) {
    if let Some(node) = &mut observed.node {
        node.owner_references_mut().retain(|owner: &OwnerReference| owner.controller != Some(true));
    }
}
