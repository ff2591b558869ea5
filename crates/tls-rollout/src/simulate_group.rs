//! All remaining steps of a group, for a dry run.

use kube::ResourceExt;
use sei_api::{
    SeiNodeDeployment, deployment_conditions::ConditionType, labels, v1alpha1::SeiNodeDeploymentStatus,
};

use crate::{
    group::{GroupProgress, GroupStep, ObservedGroup, next_group},
    observed::Target,
    simulate::{LIMIT, fulfilled, issue, release, run},
    step::Step,
};

/// The steps of a group, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupSteps {
    /// Until the SeiNodeDeployment has been recreated.
    pub before: Vec<GroupStep>,
    /// The steps of each SeiNode, by name.
    pub nodes: Vec<(String, Vec<Step>)>,
    /// After every SeiNode is Ready.
    pub after: Vec<GroupStep>,
}

impl GroupSteps {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The steps from what was observed to `target`, if nothing fails.
///
/// # Errors
/// Why the first or a later step is refused.
pub fn group_steps(observed: &ObservedGroup, target: &Target) -> Result<GroupSteps, String> {
    let mut observed = observed.clone();
    let mut steps = GroupSteps::default();
    for _ in 0..LIMIT + observed.nodes.len() {
        match next_group(&observed, target) {
            GroupProgress::Done => return Ok(steps),
            GroupProgress::Refused(why) => return Err(why),
            GroupProgress::Wait(_) => wait(&mut observed),
            GroupProgress::Next(step) => {
                carry_out(&step, &mut observed);
                let is_before = steps.nodes.is_empty() && !matches!(step, GroupStep::Forget { .. });
                (if is_before { &mut steps.before } else { &mut steps.after }).push(step);
            }
            GroupProgress::Nodes(names) => {
                for (name, node) in observed.nodes.iter_mut().filter(|(name, _)| names.contains(name)) {
                    let of_node = run(node, &target.of(name)).map_err(|why| format!("{name}: {why}"))?;
                    steps.nodes.push((name.clone(), of_node));
                }
            }
        }
    }
    Err("the steps do not end; this is a bug in sei-operator".to_owned())
}

fn carry_out(step: &GroupStep, observed: &mut ObservedGroup) {
    match (step, &mut observed.claim) {
        (GroupStep::Issue { node, .. }, _) => {
            for (_, node) in observed.nodes.iter_mut().filter(|(name, _)| name == node) {
                node.certificate = true;
            }
        }
        (GroupStep::Delete { .. }, _) => observed.group = None,
        (GroupStep::Create(group), _) => observed.group = Some(SeiNodeDeployment::clone(group)),
        (GroupStep::Keep { recreate, .. }, Some(claim)) => {
            claim.annotations_mut().insert(labels::RECREATE_GROUP_ANNOTATION.to_owned(), recreate.clone());
        }
        (GroupStep::Forget { .. }, Some(claim)) => {
            claim.annotations_mut().remove(labels::RECREATE_GROUP_ANNOTATION);
        }
        (GroupStep::Keep { .. } | GroupStep::Forget { .. }, None) => {}
    }
}

/// What other controllers do in the meantime.
fn wait(observed: &mut ObservedGroup) {
    observed.nodes.iter_mut().for_each(|(_, node)| issue(node));
    let is_deleted = |group: &SeiNodeDeployment| group.metadata.deletion_timestamp.is_some();
    observed.group.take_if(|group| is_deleted(group));
    match &mut observed.group {
        Some(group) => {
            group.status = Some(SeiNodeDeploymentStatus {
                observed_generation: group.metadata.generation,
                conditions: Some(vec![fulfilled(ConditionType::Ready.as_str())]),
                ..SeiNodeDeploymentStatus::default()
            });
        }
        None => observed.nodes.iter_mut().for_each(|(_, node)| release(node)),
    }
}
