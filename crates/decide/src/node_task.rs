//! Which SeiNodeTask holds the node. That is recorded in the node's status, so that a plan and a SeiNodeTask never
//! start at the same time: both are stored in the same object, each only at a version without the other.

use sei_api::{
    SeiNodeStatus, SeiNodeTask,
    v1alpha1::{NodeTaskReference, PlanPhase},
};

use crate::observed::Observed;

/// Releases the node from a SeiNodeTask that has finished or was deleted.
pub(crate) fn release(observed: &Observed, status: &mut SeiNodeStatus) {
    let Some(tasks) = &observed.tasks else { return };
    status.node_task.take_if(|held| tasks.iter().all(|task| task.metadata.uid.as_ref() != Some(&held.uid)));
}

/// Lets the oldest SeiNodeTask that requires the current phase hold the node. Used only if no plan is needed.
pub(crate) fn grant(observed: &Observed, status: &mut SeiNodeStatus) {
    let has_plan = status.plan.as_ref().is_some_and(|plan| plan.phase == PlanPhase::Active);
    if status.node_task.is_some() || has_plan || observed.node.spec.is_paused() {
        return;
    }
    let waits = |task: &&SeiNodeTask| {
        status.phase == Some(task.spec.require_phase.of_node()) && task.metadata.deletion_timestamp.is_none()
    };
    let tasks = observed.tasks.iter().flatten().map(|task| &**task);
    let oldest =
        tasks.filter(waits).min_by_key(|task| (&task.metadata.creation_timestamp, &task.metadata.uid));
    status.node_task = oldest.and_then(|task| {
        Some(NodeTaskReference { name: task.metadata.name.clone()?, uid: task.metadata.uid.clone()? })
    });
}
