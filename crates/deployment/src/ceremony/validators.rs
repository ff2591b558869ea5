//! The progress of the validators of a ceremony.

use std::sync::Arc;

use kube::ResourceExt;
use sei_api::{
    SeiNode, SeiNodeDeployment,
    v1alpha1::{NodePhase, TaskPlan, TaskStatus},
};
use sei_plan::{OfKind, TaskKind};

use crate::{availability::phase, child::takes_part, owner::is_owned_by, seat::child_name};

/// The SeiNode of `ordinal`, if the group owns it and it is not being deleted.
fn of_group<'a>(
    group: &SeiNodeDeployment,
    nodes: &'a [Arc<SeiNode>],
    ordinal: u32,
) -> Option<&'a Arc<SeiNode>> {
    let name = child_name(group, ordinal);
    let node = nodes.iter().find(|node| node.name_any() == name)?;
    (is_owned_by(&**node, group) && node.metadata.deletion_timestamp.is_none()).then_some(node)
}

/// The validator whose sidecar assembles the genesis.
pub(super) fn assembler<'a>(
    group: &SeiNodeDeployment,
    nodes: &'a [Arc<SeiNode>],
) -> Option<&'a Arc<SeiNode>> {
    of_group(group, nodes, 0)
}

/// UID of the volume claim that a validator works on.
pub(super) fn claim(node: &SeiNode) -> Option<String> {
    node.status.as_ref()?.plan.as_ref()?.claim_uid.clone()
}

/// Whether the assembly of the genesis was planned on a volume that the first validator no longer has.
pub(super) fn has_moved(plan: &TaskPlan, group: &SeiNodeDeployment, nodes: &[Arc<SeiNode>]) -> bool {
    let current = assembler(group, nodes).and_then(|node| claim(node));
    plan.claim_uid.as_ref().zip(current.as_ref()).is_some_and(|(was, is)| was != is)
}

/// Names of the validators that have not uploaded their genesis transaction.
pub(super) fn missing(group: &SeiNodeDeployment, nodes: &[Arc<SeiNode>]) -> Vec<String> {
    unless(group, nodes, has_uploaded)
}

/// Names of the validators that exist and have yet to upload their genesis transaction.
pub(super) fn uploading(group: &SeiNodeDeployment, nodes: &[Arc<SeiNode>]) -> Vec<String> {
    let names = all(group, nodes).filter(|node| has_yet_to_upload(node)).map(|node| node.name_any());
    names.collect()
}

/// Names of the SeiNodes that were created after the genesis, and are not among its validators.
pub(super) fn followers(group: &SeiNodeDeployment, nodes: &[Arc<SeiNode>]) -> Vec<String> {
    let names = all(group, nodes).filter(|node| !takes_part(node)).map(|node| node.name_any());
    names.collect()
}

/// Names of the SeiNodes that are not running.
pub(super) fn not_running(group: &SeiNodeDeployment, nodes: &[Arc<SeiNode>]) -> Vec<String> {
    unless(group, nodes, is_running)
}

/// Whether any validator is running, which is possible only with the genesis.
pub(super) fn any_runs(group: &SeiNodeDeployment, nodes: &[Arc<SeiNode>]) -> bool {
    all(group, nodes).any(|node| takes_part(node) && is_running(node))
}

/// The SeiNodes at desired ordinals, in order.
fn all<'a>(
    group: &'a SeiNodeDeployment,
    nodes: &'a [Arc<SeiNode>],
) -> impl Iterator<Item = &'a Arc<SeiNode>> {
    (0..group.spec.replicas()).filter_map(|ordinal| of_group(group, nodes, ordinal))
}

fn unless(group: &SeiNodeDeployment, nodes: &[Arc<SeiNode>], holds: fn(&SeiNode) -> bool) -> Vec<String> {
    let ordinals = (0..group.spec.replicas())
        .filter(|ordinal| !of_group(group, nodes, *ordinal).is_some_and(|node| holds(node)));
    ordinals.map(|ordinal| child_name(group, ordinal)).collect()
}

fn has_uploaded(node: &SeiNode) -> bool {
    let plan = node.status.as_ref().and_then(|status| status.plan.as_ref());
    let mut tasks = plan.into_iter().flat_map(|plan| &plan.tasks);
    tasks.any(|task| task.is(TaskKind::UploadGenesisArtifacts) && task.status == TaskStatus::Complete)
}

/// An initializing validator without a plan does not count: the state of its tasks is unknown.
fn has_yet_to_upload(node: &SeiNode) -> bool {
    let has_plan = node.status.as_ref().is_some_and(|status| status.plan.is_some());
    !has_uploaded(node) && (has_plan || phase(node) != Some(NodePhase::Initializing))
}

fn is_running(node: &SeiNode) -> bool {
    phase(node) == Some(NodePhase::Running)
}
