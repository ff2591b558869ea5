//! Which tasks bring a node to its desired state.

mod init;
mod running;
mod sidecar;

pub(crate) use init::{Start, first};
pub use init::{init, init_on};
pub use running::{mark_ready, update, update_on};
use sei_api::{
    conditions::{ConditionType, SidecarReadyReason},
    v1alpha1::{ConfigRollout, NodePhase, PlanPhase, PlannedTask, TaskPlan, TaskStatus},
};
use sei_node::Node;

use crate::{OfKind, Task, TaskKind, configured::reconfigures, task_id};

/// The plan that a node needs according to its status: an update for a Running node with another image,
/// or with a changed configuration that its spec wants immediately, mark-ready for one whose sidecar reports not
/// ready, the first plan for one that is not Running. `None` if there is nothing to do.
pub fn next(node: &Node<'_>, plan_id: &str) -> Option<TaskPlan> {
    let status = node.object.status.clone().unwrap_or_default();
    if status.phase != Some(NodePhase::Running) {
        return Some(init(node, plan_id));
    }
    let off_image = status.current_image.as_deref() != Some(node.object.spec.image.as_str());
    if off_image || reconfigures(node, &status, ConfigRollout::default()) {
        return Some(update(node, plan_id));
    }
    let sidecar = status.condition(ConditionType::SidecarReady);
    let restarted =
        sidecar.is_some_and(|it| it.status == "False" && it.reason == SidecarReadyReason::NotReady.as_str());
    restarted.then(|| mark_ready(node, plan_id))
}

/// A plan of `tasks` that has not started.
fn plan(node: &Node<'_>, plan_id: &str, tasks: &[Task]) -> TaskPlan {
    let planned = tasks.iter().enumerate().map(|(index, task)| planned(node, plan_id, index, task));
    active(plan_id, planned.collect())
}

/// A plan of these tasks that brings the node to Running, without the fields that are recorded when it is
/// stored.
fn active(plan_id: &str, tasks: Vec<PlannedTask>) -> TaskPlan {
    TaskPlan {
        id: plan_id.to_owned(),
        phase: PlanPhase::Active,
        tasks,
        target_phase: Some(NodePhase::Running),
        failed_phase: None,
        failed_task_index: None,
        failed_task_detail: None,
        target_image: None,
        generation: None,
        retry: None,
        created_at: None,
        claim_uid: None,
        sidecar_image: None,
        reissues: None,
    }
}

fn planned(node: &Node<'_>, plan_id: &str, index: usize, task: &Task) -> PlannedTask {
    PlannedTask {
        type_: task.kind().as_str().to_owned(),
        id: task_id(plan_id, task.kind(), index).to_string(),
        status: TaskStatus::Pending,
        params: Some(task.stored_params(node.object)),
        submitted_at: None,
        error: None,
        max_retries: task.kind().max_retries(),
        retry_count: None,
        next_attempt_at: None,
        waiting_since: None,
        object_uid: None,
    }
}

/// Inserts `task` after the last task of kind `after`. IDs depend on the position in the plan, so they are
/// derived again.
pub(crate) fn insert_after(plan: &mut TaskPlan, after: TaskKind, task: &Task, node: &Node<'_>) {
    let Some(place) = plan.tasks.iter().rposition(|task| task.is(after)) else { return };
    plan.tasks.insert(place + 1, planned(node, &plan.id, place + 1, task));
    for (index, task) in plan.tasks.iter_mut().enumerate() {
        if let Some(kind) = task.kind() {
            task.id = task_id(&plan.id, kind, index).to_string();
        }
    }
}

/// `plan` as it was created, without the fields that running it sets and without what it was created from:
/// the part that plans of the Go controller have too.
pub fn bare(plan: &TaskPlan) -> TaskPlan {
    let task = |task: &PlannedTask| PlannedTask {
        type_: task.type_.clone(),
        id: task.id.clone(),
        status: TaskStatus::Pending,
        params: task.params.clone(),
        submitted_at: None,
        error: None,
        max_retries: task.max_retries,
        retry_count: None,
        next_attempt_at: None,
        waiting_since: None,
        object_uid: None,
    };
    TaskPlan {
        target_phase: plan.target_phase,
        failed_phase: plan.failed_phase,
        ..active(&plan.id, plan.tasks.iter().map(task).collect())
    }
}
