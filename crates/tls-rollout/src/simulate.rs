//! All steps to come, for a dry run.

use k8s_openapi::{api::core::v1::PersistentVolumeClaim, apimachinery::pkg::apis::meta::v1::Condition};
use kube::ResourceExt;
use sei_api::{
    SeiNode,
    conditions::ConditionType,
    v1alpha1::{NodePhase, SeiNodeStatus},
};

use crate::{
    next::{Progress, Step, next},
    observed::{Observed, Secret, Target},
    recreated::RECREATE_ANNOTATION,
};

/// More steps than any way has.
const LIMIT: usize = 16;

/// The steps from what was observed to `target`, if all goes well.
///
/// # Errors
/// Why the first or a later step is refused.
pub fn steps(observed: &Observed, target: &Target) -> Result<Vec<Step>, String> {
    let mut observed = observed.clone();
    let mut steps = Vec::new();
    for _ in 0..LIMIT {
        match next(&observed, target) {
            Progress::Done => return Ok(steps),
            Progress::Refused(why) => return Err(why),
            Progress::Wait(_) => pass_time(&mut observed),
            Progress::Next(step) => {
                carry_out(&step, &mut observed);
                steps.push(step);
            }
        }
    }
    Err("the steps do not end; this is a defect".to_owned())
}

/// What a step does to the cluster.
fn carry_out(step: &Step, observed: &mut Observed) {
    match step {
        Step::Issue(_) => observed.certificate = true,
        Step::Keep { recreate, .. } => {
            let Some(claim) = &mut observed.claim else { return };
            let node = observed.node.as_ref().and_then(ResourceExt::uid);
            claim.owner_references_mut().retain(|owner| Some(&owner.uid) != node.as_ref());
            claim.annotations_mut().insert(RECREATE_ANNOTATION.to_owned(), recreate.clone());
        }
        Step::Delete { .. } => observed.node = None,
        Step::Create(node) => observed.node = Some(SeiNode::clone(node)),
        Step::Forget { .. } => forget(&mut observed.claim),
    }
}

fn forget(claim: &mut Option<PersistentVolumeClaim>) {
    if let Some(claim) = claim {
        claim.annotations_mut().remove(RECREATE_ANNOTATION);
    }
}

/// What others do meanwhile.
fn pass_time(observed: &mut Observed) {
    if observed.certificate {
        observed.secret = Secret::Valid;
    }
    match &mut observed.node {
        Some(node) if node.metadata.deletion_timestamp.is_some() => observed.node = None,
        Some(node) => node.status = Some(ready()),
        None => observed.pod = None,
    }
}

fn ready() -> SeiNodeStatus {
    let condition = Condition {
        type_: ConditionType::Ready.as_str().to_owned(),
        status: "True".to_owned(),
        reason: String::new(),
        message: String::new(),
        last_transition_time: k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(Default::default()),
        observed_generation: None,
    };
    SeiNodeStatus {
        phase: Some(NodePhase::Running),
        conditions: Some(vec![condition]),
        ..SeiNodeStatus::default()
    }
}
