//! A plan that takes the place of another: because the spec changed under it, because a failed one is to be
//! tried again, or because a task needs a new id. What is done is not done again.

use sei_api::{
    SeiNode,
    v1alpha1::{NodePhase, PlanPhase, PlannedTask, TaskPlan, TaskStatus},
};

use crate::{Task, TaskKind, advance::is_done, build};

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
    let mut fresh = build::first(node, plan_id, has_bootstrap(node, old));
    carry_over(&mut fresh, old);
    // With OnDelete a changed template reaches the pod only when the pod is replaced. There may be one though the
    // old plan does not say so: what was written and what was noted of it are two writes.
    build::insert_after(&mut fresh, TaskKind::ApplyService, &Task::ReplacePod, node);
    if has(old, TaskKind::DeployBootstrapJob) && !has(&fresh, TaskKind::DeployBootstrapJob) {
        build::insert_after(&mut fresh, TaskKind::EnsureDataPvc, &Task::TeardownBootstrap, node);
    }
    Some(fresh)
}

/// Whether the first plan goes through a bootstrap. One that is over stays so, with its Job still to be taken away;
/// one that was not asked for is too late when there is a pod on the volume.
fn has_bootstrap(node: &SeiNode, old: &TaskPlan) -> bool {
    if has(old, TaskKind::DeployBootstrapJob) {
        return is_done(old, TaskKind::AwaitBootstrapComplete) || node.spec.needs_bootstrap();
    }
    let apply = old.tasks.iter().position(|task| task.type_ == TaskKind::ApplyStatefulSet.as_str());
    let before = apply.map_or(&[][..], |apply| &old.tasks[..apply]);
    let has_pod = before.iter().all(|task| task.status == TaskStatus::Complete);
    node.spec.needs_bootstrap() && !has_pod
}

fn has(plan: &TaskPlan, kind: TaskKind) -> bool {
    plan.tasks.iter().any(|task| task.type_ == kind.as_str())
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
    let is_update = has(old, TaskKind::ReplacePod);
    let touched = is_update && old.tasks.iter().any(|task| task.status != TaskStatus::Pending);
    if touched || current != Some(node.spec.image.as_str()) {
        return Some(build::update(node, plan_id));
    }
    (!is_update).then(|| build::mark_ready(node, plan_id, node.spec.publishes_snapshots()))
}

/// Marks as done what `old` has done, in order, as long as both plans agree. Tasks that write or check what
/// the spec says are done again: they are idempotent and the spec may have changed. So are those whose effect ends
/// with the sidecar's process, which may be another one by now. Once the bootstrap is over, nothing of it is.
fn carry_over(fresh: &mut TaskPlan, old: &TaskPlan) {
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
    for over in [TaskKind::AwaitBootstrapComplete, TaskKind::TeardownBootstrap] {
        let end = fresh.tasks.iter().position(|task| task.type_ == over.as_str());
        if let Some(end) = end.filter(|_| is_done(old, over)) {
            fresh.tasks[..=end].iter_mut().for_each(|task| task.status = TaskStatus::Complete);
        }
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
                | TaskKind::SnapshotUpload
                | TaskKind::MarkReady
        )
    )
}

/// Whether a failed plan is to be tried again: the spec changed, or annotation `sei.io/retry` has a new value.
pub fn retry_wanted(plan: &TaskPlan, node: &SeiNode) -> bool {
    plan.phase == PlanPhase::Failed && (is_outdated(plan, node) || is_asked_anew(Some(plan), node))
}

/// Whether annotation `sei.io/retry` has a value that `plan` was not made with.
pub fn is_asked_anew(plan: Option<&TaskPlan>, node: &SeiNode) -> bool {
    let asked = crate::advance::retry_request(node);
    asked.is_some() && asked != plan.and_then(|plan| plan.retry.as_deref())
}
