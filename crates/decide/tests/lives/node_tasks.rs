//! SeiNodeTasks and plans: one at a time.

use std::sync::Arc;

use sei_api::{
    SeiNodeTask,
    conditions::{ConditionType, ReadyReason},
    v1alpha1::{NodePhase, PlanPhase, TaskPlan},
};
use sei_decide::events::between;
use sei_plan::{Outcome, Purpose};
use serde_json::json;

use crate::life::{GOOD, Life};

/// A task that was created at this second of the year 2027.
pub fn task(uid: &str, second: u8, phase: &str) -> Arc<SeiNodeTask> {
    let task = json!({
        "metadata": {
            "name": format!("task-{uid}"), "namespace": "sei", "uid": uid,
            "creationTimestamp": format!("2027-01-01T00:00:{second:02}Z"),
        },
        "spec": { "nodeRef": { "name": "node-0" }, "restartSeid": {}, "requirePhase": phase },
    });
    Arc::new(serde_json::from_value(task).unwrap())
}

fn running() -> Life {
    let mut life = Life::new(json!({ "chainId": "c", "image": "seid:0", "fullNode": {} }));
    finish(&mut life);
    assert_eq!(life.node.status.as_ref().unwrap().phase, Some(NodePhase::Running));
    life
}

fn finish(life: &mut Life) {
    while life.pass(Vec::new(), &Outcome::Done).unwrap() {}
}

/// The UID of the task that holds the node.
fn holder(life: &Life) -> Option<&str> {
    Some(life.node.status.as_ref()?.node_task.as_ref()?.uid.as_str())
}

fn ready(life: &Life) -> (String, String) {
    let ready = life.node.status.as_ref().unwrap().condition(ConditionType::Ready).unwrap();
    (ready.reason.clone(), ready.message.clone())
}

fn is_active(plan: Option<TaskPlan>) -> bool {
    plan.is_some_and(|plan| plan.phase == PlanPhase::Active)
}

#[test]
fn tasks_run_one_at_a_time_oldest_first() {
    let mut life = running();
    let before = life.node.status.clone().unwrap();
    life.tasks = vec![task("c", 2, "Running"), task("b", 1, "Running"), task("a", 1, "Running")];
    finish(&mut life);
    assert_eq!(holder(&life), Some("a"));
    let events = between(&before, life.node.status.as_ref().unwrap());
    assert_eq!(events.iter().map(|event| event.reason.as_str()).collect::<Vec<_>>(), ["NodeTaskStarted"]);
    life.tasks.push(task("older", 0, "Running"));
    finish(&mut life);
    assert_eq!(holder(&life), Some("a"), "it keeps the node until it has finished");
    for next in ["older", "b", "c"] {
        let held = holder(&life).map(str::to_owned);
        life.tasks.retain(|task| task.metadata.uid != held);
        finish(&mut life);
        assert_eq!(holder(&life), Some(next));
    }
    life.tasks.clear();
    finish(&mut life);
    assert_eq!(holder(&life), None);
}

#[test]
fn a_task_waits_for_plans_for_its_phase_and_while_the_node_is_paused() {
    let mut life = running();
    life.tasks = vec![task("failed", 0, "Failed")];
    finish(&mut life);
    assert_eq!(holder(&life), None, "the node is not in that phase");
    life.tasks = vec![task("a", 0, "Running")];
    life.change(|node| node.spec.image = "seid:1".to_owned());
    life.pass(Vec::new(), &Outcome::Running).unwrap();
    assert!(is_active(life.plan()) && holder(&life).is_none(), "the update was needed first");
    life.change(|node| node.spec.paused = Some(true));
    finish(&mut life);
    assert_eq!(holder(&life), None);
    life.change(|node| node.spec.paused = None);
    finish(&mut life);
    assert_eq!(holder(&life), Some("a"));
    assert_eq!(life.node.status.as_ref().unwrap().current_image.as_deref(), Some("seid:1"));
}

#[test]
fn an_update_waits_for_the_running_task_and_names_it() {
    let mut life = running();
    life.tasks = vec![task("a", 0, "Running")];
    finish(&mut life);
    life.change(|node| node.spec.image = "seid:1".to_owned());
    finish(&mut life);
    assert!(!is_active(life.plan()));
    let (reason, message) = ready(&life);
    assert_eq!(reason, ReadyReason::WaitingForTask.as_str());
    assert!(message.contains("SeiNodeTask task-a"), "{message}");
    life.tasks.clear();
    finish(&mut life);
    assert_eq!(ready(&life).0, ReadyReason::NodeReady.as_str());
    assert_eq!(life.node.status.as_ref().unwrap().current_image.as_deref(), Some("seid:1"));
}

#[test]
fn a_restarted_sidecar_is_made_ready_during_a_task_before_a_due_update() {
    let mut life = running();
    life.tasks = vec![task("a", 0, "Running")];
    finish(&mut life);
    life.forms.health = 1;
    life.pass(Vec::new(), &Outcome::Running).unwrap();
    let plan = life.plan().unwrap();
    assert_eq!((Purpose::of(&plan), plan.phase), (Purpose::MarkReady, PlanPhase::Active));
    // The spec changes meanwhile; the plan is not replaced by an update.
    life.change(|node| node.spec.image = "seid:1".to_owned());
    life.pass(Vec::new(), &Outcome::Running).unwrap();
    life.forms = GOOD;
    finish(&mut life);
    assert_eq!(Purpose::of(&life.plan().unwrap()), Purpose::MarkReady);
    assert_eq!((holder(&life), ready(&life).0.as_str()), (Some("a"), ReadyReason::WaitingForTask.as_str()));
}

#[test]
fn the_node_keeps_its_task_while_the_task_cache_is_not_synced() {
    let mut life = running();
    life.tasks = vec![task("a", 0, "Running")];
    finish(&mut life);
    life.adjust = Box::new(|observed| observed.tasks = None);
    life.change(|node| node.spec.image = "seid:1".to_owned());
    finish(&mut life);
    assert_eq!(holder(&life), Some("a"));
    assert!(!is_active(life.plan()));
}
