//! A plan that replaces another one: because the spec changed while it was running, because a failed one is retried, or
//! because a task needs a new ID. Work that is complete on this volume is not repeated.

use jiff::Timestamp;
use sei_api::v1alpha1::{NodePhase, TaskPlan, TaskStatus};
use sei_node::Node;

use crate::{
    OfKind, PlanInputs, Task, TaskKind,
    build::{self, Start},
    carry::carry_over,
    stored::{delay_reissue, finish, has, is_done, is_on_other_volume},
};

/// The plan that replaces `old`, created from the current spec. `None` if there is nothing left to do, for
/// example when an update was reverted before it changed the pod.
pub fn replan(node: &Node<'_>, old: &TaskPlan, inputs: &PlanInputs, plan_id: &str) -> Option<TaskPlan> {
    if old.target_phase == Some(NodePhase::Running) && old.failed_phase.is_none() {
        return running(node, old, inputs, plan_id);
    }
    let mut fresh = build::first(node, plan_id, start(node, old, inputs));
    // With OnDelete a changed template reaches the pod only when the pod is replaced. A pod may exist although the old
    // plan does not record it: applying an object and recording it are two writes.
    let replace = Task::ReplacePod { also: inputs.outdated_pod.clone() };
    build::insert_after(&mut fresh, TaskKind::ApplyService, &replace, node);
    // On another claim too: its volume may be a restored copy, with the records of the sidecar.
    if inputs.may_have_started {
        build::insert_after(&mut fresh, TaskKind::ConfigValidate, &Task::ReplacePod { also: None }, node);
    }
    if has(old, TaskKind::DeployBootstrapJob) && !has(&fresh, TaskKind::DeployBootstrapJob) {
        build::insert_after(&mut fresh, TaskKind::EnsureDataPvc, &Task::TeardownBootstrap, node);
    }
    if !is_on_other_volume(old, inputs) {
        fresh.claim_uid.clone_from(&old.claim_uid);
        carry_over(&mut fresh, old, inputs);
        if is_done(old, TaskKind::AwaitBootstrapComplete) || inputs.has_state {
            finish(&mut fresh.tasks, TaskKind::AwaitBootstrapComplete);
        }
        if is_done(old, TaskKind::TeardownBootstrap) {
            finish(&mut fresh.tasks, TaskKind::TeardownBootstrap);
        }
    }
    Some(fresh)
}

/// How the volume gets its first state. A completed bootstrap stays completed, although its Job must still be deleted;
/// a newly requested one is too late if a pod already uses the volume.
fn start(node: &Node<'_>, old: &TaskPlan, inputs: &PlanInputs) -> Start {
    let wanted = if node.bootstrap().is_some() { Start::Bootstrap } else { Start::Restore };
    if is_on_other_volume(old, inputs) {
        return if inputs.has_state { Start::on_state(inputs) } else { wanted };
    }
    if has(old, TaskKind::DeployBootstrapJob) {
        let is_over = is_done(old, TaskKind::AwaitBootstrapComplete) || inputs.has_state;
        return if is_over { Start::Bootstrap } else { wanted };
    }
    if inputs.has_state {
        return Start::on_state(inputs);
    }
    let apply = old.tasks.iter().position(|task| task.is(TaskKind::ApplyStatefulSet));
    let before = apply.map_or(&[][..], |apply| &old.tasks[..apply]);
    let has_pod = before.iter().all(|task| task.status == TaskStatus::Complete);
    if has_pod { Start::Restore } else { wanted }
}

/// The plan that replaces `old` because one of its tasks has to be repeated with another ID. Such tasks are
/// never taken over. The more often this happens in a row, the later the plan starts.
pub fn reissue(
    node: &Node<'_>,
    old: &TaskPlan,
    inputs: &PlanInputs,
    plan_id: &str,
    (now, jitter): (Timestamp, f64),
) -> Option<TaskPlan> {
    let mut fresh = replan(node, old, inputs, plan_id)?;
    fresh.reissues = old.reissues;
    delay_reissue(&mut fresh, now, jitter);
    Some(fresh)
}

/// On a Running node an update changes nothing before it applies the StatefulSet; from then on the pod must be brought
/// to the current spec, even if that is the original image. The recorded progress may lag behind: the live objects
/// decide.
fn running(node: &Node<'_>, old: &TaskPlan, inputs: &PlanInputs, plan_id: &str) -> Option<TaskPlan> {
    let current = node.object.status.as_ref().and_then(|status| status.current_image.as_deref());
    let is_update = has(old, TaskKind::ReplacePod);
    let touched = is_update && old.tasks.iter().any(|task| task.status != TaskStatus::Pending);
    let off_image = current != Some(node.object.spec.image.as_str());
    if touched || off_image || inputs.is_stale || inputs.reconfigures {
        return Some(build::update_on(node, inputs, plan_id));
    }
    (!is_update).then(|| build::mark_ready(node, plan_id))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_whose_seid_may_have_started_is_replaced_once_its_configuration_is_written() {
        let node = json!({
            "metadata": { "name": "node-0", "generation": 1 },
            "spec": { "chainId": "c", "image": "i", "fullNode": {} },
        });
        let node = serde_json::from_value(node).unwrap();
        let node = Node::of(&node);
        let old = build::init(&node, "p");
        let last = |may_have_started: bool| {
            let inputs = PlanInputs { may_have_started, ..PlanInputs::default() };
            let plan = replan(&node, &old, &inputs, "q").unwrap();
            plan.tasks.iter().rev().take(3).rev().map(|task| task.type_.clone()).collect::<Vec<_>>()
        };
        assert_eq!(last(true), ["config-validate", "replace-pod", "mark-ready"]);
        assert_eq!(last(false), ["config-apply", "config-validate", "mark-ready"]);
    }
}
