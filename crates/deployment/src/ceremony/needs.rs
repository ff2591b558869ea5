//! What must be observed for a ceremony.

use std::sync::Arc;

use sei_api::{
    SeiNode, SeiNodeDeployment,
    v1alpha1::{PlannedTask, TaskStatus},
};

use super::{
    plan::{assembly, is_submitted, stored},
    validators::{has_moved, missing},
};

/// The stored task that assembles the genesis, if it was submitted and has not ended.
pub fn stored_assembly(group: &SeiNodeDeployment) -> Option<&PlannedTask> {
    let task = assembly(stored(group)?)?;
    (is_submitted(task) && task.status == TaskStatus::Pending).then_some(task)
}

/// Whether the next step of the ceremony depends on the content of the genesis bucket: nothing has been created yet, or
/// the genesis must be assembled.
pub fn needs_bucket(group: &SeiNodeDeployment, nodes: &[Arc<SeiNode>]) -> bool {
    if group.spec.genesis.is_none() || super::was_completed(group) {
        return false;
    }
    match stored(group) {
        None => true,
        Some(plan) => assembly(plan).is_some_and(|task| {
            let is_next = if is_submitted(task) {
                has_moved(plan, group, nodes)
            } else {
                missing(group, nodes).is_empty()
            };
            task.status == TaskStatus::Pending && is_next
        }),
    }
}
