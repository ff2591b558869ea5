//! A plan that takes the place of another: because the spec changed under it, because a failed one is to be
//! tried again, or because a task needs a new id. What is done is not done again.

use sei_api::{
    SeiNode,
    v1alpha1::{NodePhase, PlanPhase, PlannedTask, TaskPlan, TaskStatus},
};

use crate::{Task, TaskKind, build};

/// Whether the spec changed since `plan` was made. Plans of the Go controller do not say what they were made
/// from and are taken as current.
pub fn is_outdated(plan: &TaskPlan, node: &SeiNode) -> bool {
    plan.generation.is_some() && plan.generation != node.metadata.generation
}

/// The plan that takes the place of `old`, made from the spec as it is now. `None` where nothing is left to
/// do, as when an update was taken back before it touched the pod.
pub fn replan(node: &SeiNode, old: &TaskPlan, plan_id: &str) -> Option<TaskPlan> {
    if old.target_phase == Some(NodePhase::Running) && old.failed_phase.is_none() {
        return running(node, old, plan_id);
    }
    let mut fresh = build::init(node, plan_id);
    if is_done(old, TaskKind::ApplyStatefulSet) {
        // With OnDelete a changed template reaches the pod only when the pod is replaced.
        build::insert_after(&mut fresh, TaskKind::ApplyService, &Task::ReplacePod, node);
    }
    carry_over(&mut fresh, old);
    Some(fresh)
}

/// The plan that takes the place of `old` to do its latest `from` and all that follows under new ids.
pub fn reissue(node: &SeiNode, old: &TaskPlan, plan_id: &str, from: TaskKind) -> Option<TaskPlan> {
    let mut fresh = replan(node, old, plan_id)?;
    let is_from = |task: &PlannedTask| task.type_ == from.as_str();
    let current = old.tasks.iter().position(|task| task.status != TaskStatus::Complete);
    let reached = &old.tasks[..current.map_or(old.tasks.len(), |index| index + 1)];
    let earlier = reached.iter().filter(|task| is_from(task)).count().saturating_sub(1);
    let start = fresh.tasks.iter().enumerate().filter(|(_, task)| is_from(task)).nth(earlier);
    let start = start.map_or(fresh.tasks.len(), |(index, _)| index);
    fresh.tasks[start..].iter_mut().for_each(|task| task.status = TaskStatus::Pending);
    Some(fresh)
}

/// On a Running node an update touches nothing before it applies the StatefulSet; from then on the pod has to
/// be brought to whatever the spec says, also when that is the image it came from.
fn running(node: &SeiNode, old: &TaskPlan, plan_id: &str) -> Option<TaskPlan> {
    let current = node.status.as_ref().and_then(|status| status.current_image.as_deref());
    let is_update = old.tasks.iter().any(|task| task.type_ == TaskKind::ReplacePod.as_str());
    let touched = is_update && old.tasks.iter().any(|task| task.status != TaskStatus::Pending);
    if touched || current != Some(node.spec.image.as_str()) {
        return Some(build::update(node, plan_id));
    }
    (!is_update).then(|| build::mark_ready(node, plan_id, node.spec.publishes_snapshots()))
}

/// Marks as done what `old` has done, in order, as long as both plans agree. Tasks that write or check what
/// the spec says are done again: they are idempotent and the spec may have changed. Once the bootstrap was
/// torn down, nothing before that point is.
fn carry_over(fresh: &mut TaskPlan, old: &TaskPlan) {
    let torn_down = is_done(old, TaskKind::TeardownBootstrap);
    let once = |task: &&PlannedTask| !is_reasserted(task);
    let done = old.tasks.iter().filter(once).take_while(|task| task.status == TaskStatus::Complete);
    let mut done = done.peekable();
    for task in &mut fresh.tasks {
        if is_reasserted(task) {
            continue;
        }
        match done.peek() {
            Some(old) if old.type_ == task.type_ && old.params == task.params => {
                task.status = TaskStatus::Complete;
                done.next();
            }
            _ => break,
        }
    }
    let teardown = TaskKind::TeardownBootstrap.as_str();
    let end = fresh.tasks.iter().position(|task| task.type_ == teardown);
    if let Some(end) = end.filter(|_| torn_down) {
        fresh.tasks[..=end].iter_mut().for_each(|task| task.status = TaskStatus::Complete);
    }
}

fn is_reasserted(task: &PlannedTask) -> bool {
    matches!(
        TaskKind::from_wire(&task.type_),
        Some(
            TaskKind::EnsureDataPvc
                | TaskKind::ValidateSigningKey
                | TaskKind::ValidateNodeKey
                | TaskKind::ValidateOperatorKeyring
                | TaskKind::ApplyRbacProxyConfig
                | TaskKind::ApplyStatefulSet
                | TaskKind::ApplyService
                | TaskKind::ReplacePod
                | TaskKind::ObserveImage
                | TaskKind::DeployBootstrapService
                | TaskKind::DeployBootstrapJob
        )
    )
}

fn is_done(plan: &TaskPlan, kind: TaskKind) -> bool {
    plan.tasks.iter().any(|task| task.type_ == kind.as_str() && task.status == TaskStatus::Complete)
}

/// Whether a failed plan is to be tried again: the spec changed, or annotation `sei.io/retry` has a new value.
pub fn retry_wanted(plan: &TaskPlan, node: &SeiNode) -> bool {
    let asked = crate::advance::retry_request(node);
    plan.phase == PlanPhase::Failed
        && (is_outdated(plan, node) || (asked.is_some() && asked != plan.retry.as_deref()))
}
