//! Nodes that are paused or stopped: they are left unchanged, report it, and continue where they stopped.

use std::sync::Arc;

use jiff::SignedDuration;
use sei_api::{
    SeiNode,
    conditions::{ConditionType, ReadyReason},
    v1alpha1::{NodePhase, PlanPhase},
};
use sei_decide::Observed;
use sei_plan::Outcome;
use serde_json::json;

use crate::life::{GOOD, Life};

fn life() -> Life {
    Life::new(json!({ "chainId": "c", "image": "seid:0", "fullNode": {} }))
}

fn running() -> Life {
    let mut life = life();
    finish(&mut life);
    assert!(ready(&life).starts_with(ReadyReason::NodeReady.as_str()), "{}", ready(&life));
    life
}

fn finish(life: &mut Life) {
    while life.pass(Vec::new(), &Outcome::Done).unwrap() {}
}

fn ready(life: &Life) -> String {
    let ready = life.node.status.as_ref().unwrap().condition(ConditionType::Ready).unwrap();
    format!("{}: {}", ready.reason, ready.message)
}

fn set(life: &mut Life, change: impl FnOnce(&mut SeiNode)) {
    life.change(change);
    life.pass(Vec::new(), &Outcome::Done).unwrap();
}

#[test]
fn a_paused_node_is_not_updated_repaired_or_marked_ready() {
    let mut life = running();
    let repairs = life.repairs.len();
    life.forms.stateful_set = 2;
    life.forms.health = 1;
    set(&mut life, |node| {
        node.spec.paused = Some(true);
        node.spec.image = "seid:1".to_owned();
    });
    assert_eq!(life.repairs.len(), repairs);
    assert!(life.plan().is_none_or(|plan| plan.phase == PlanPhase::Complete));
    assert_eq!(ready(&life), "Paused: spec.paused is true; no plan starts, and drift is not reverted");
    life.forms = GOOD;
    life.change(|node| node.spec.paused = Some(false));
    finish(&mut life);
    assert_eq!(life.node.status.as_ref().unwrap().current_image.as_deref(), Some("seid:1"));
}

#[test]
fn an_active_plan_stops_where_it_is_and_continues_there() {
    let mut life = life();
    life.pass(vec![], &Outcome::Done).unwrap();
    life.pass(vec![Outcome::Done, Outcome::Done], &Outcome::Submitted).unwrap();
    let before = life.plan().unwrap();
    set(&mut life, |node| node.spec.paused = Some(true));
    assert_eq!(life.plan().unwrap(), before);
    assert!(ready(&life).contains("the plan is paused at task apply-service (3 of "), "{}", ready(&life));
    life.now += SignedDuration::from_hours(24 * 30);
    life.pass(Vec::new(), &Outcome::Done).unwrap();
    let status = life.node.status.as_ref().unwrap();
    assert_eq!(status.condition(ConditionType::Stalled), None, "a paused task is not overdue");
    // The life checks that no completed task runs again.
    life.change(|node| node.spec.paused = None);
    finish(&mut life);
    assert!(ready(&life).starts_with(ReadyReason::NodeReady.as_str()), "{}", ready(&life));
}

#[test]
fn a_stopped_node_is_scaled_to_zero_and_back_when_resumed() {
    fn scaled(to: i32) -> Box<dyn Fn(&mut Observed)> {
        Box::new(move |observed| {
            let set = Arc::make_mut(observed.children.stateful_set.as_mut().unwrap());
            set.spec.as_mut().unwrap().replicas = Some(to);
        })
    }
    let mut life = running();
    let repairs = life.repairs.len();
    life.adjust = scaled(1);
    set(&mut life, |node| node.spec.stopped = Some(true));
    assert_eq!(life.repairs.len(), repairs + 1);
    assert!(ready(&life).contains("waiting for pod node-0-0 to end"), "{}", ready(&life));
    life.adjust = scaled(0);
    life.forms.pod = 1;
    life.pass(Vec::new(), &Outcome::Done).unwrap();
    assert_eq!(life.repairs.len(), repairs + 1);
    assert!(ready(&life).contains("the pod is gone"), "{}", ready(&life));
    set(&mut life, |node| {
        node.spec.stopped = None;
        node.spec.paused = Some(true);
    });
    assert_eq!(life.repairs.len(), repairs + 1, "a paused node gets no pod back");
    set(&mut life, |node| node.spec.paused = None);
    assert!(life.repairs.len() > repairs + 1, "the StatefulSet is reapplied");
}

#[test]
fn phase_paused_of_a_later_go_controller_is_read_as_the_previous_phase() {
    for (has_set, phase) in [(true, NodePhase::Running), (false, NodePhase::Pending)] {
        let mut life = life();
        life.change(|node| node.spec.paused = Some(true));
        life.node.status =
            serde_json::from_value(json!({ "phase": "Paused", "currentImage": "seid:0" })).unwrap();
        life.forms.stateful_set = if has_set { 0 } else { 1 };
        life.pass(Vec::new(), &Outcome::Done).unwrap();
        assert_eq!(life.node.status.as_ref().unwrap().phase, Some(phase));
        assert_eq!(life.repairs.len(), 0);
        assert!(ready(&life).starts_with(ReadyReason::Paused.as_str()), "{}", ready(&life));
    }
}

/// As restored from a backup that was made during its deletion.
#[test]
fn phase_terminating_of_a_node_that_is_not_deleted_is_read_as_the_previous_phase() {
    for (has_set, phase) in [(true, NodePhase::Running), (false, NodePhase::Initializing)] {
        let mut life = life();
        life.node.status =
            serde_json::from_value(json!({ "phase": "Terminating", "currentImage": "seid:0" })).unwrap();
        life.forms.stateful_set = if has_set { 0 } else { 1 };
        life.pass(Vec::new(), &Outcome::Done).unwrap();
        assert_eq!(life.node.status.as_ref().unwrap().phase, Some(phase), "{}", ready(&life));
        assert!(!ready(&life).starts_with(ReadyReason::Deleting.as_str()), "{}", ready(&life));
    }
}
