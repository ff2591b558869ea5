//! Tasks before they start, and their first order.

use std::time::Duration;

use sei_api::{SeiNodeTaskStatus, v1alpha1::task::NodeTaskPhase};
use sei_decide::{TaskProgress, TaskResult};
use sei_node_task::{Decision, decide, events};
use serde_json::json;

use crate::world::{World, failed, node, pending};

#[test]
fn a_waiting_task_names_what_it_waits_for() {
    let plan = json!({ "id": "p", "phase": "Active", "tasks": [] });
    let other = json!({ "name": "other", "uid": "o" });
    for (spec, status, reason) in [
        (json!({ "paused": true }), json!({ "phase": "Running" }), "NodePaused"),
        (json!({ "stopped": true }), json!({ "phase": "Running" }), "NodePaused"),
        (json!({}), json!({ "phase": "Running", "plan": plan }), "PlanInProgress"),
        (json!({}), json!({ "phase": "Pending" }), "WaitingForPhase"),
        (json!({}), json!(null), "WaitingForPhase"),
        (json!({}), json!({ "phase": "Running", "nodeTask": other }), "WaitingForTask"),
        (json!({}), json!({ "phase": "Running" }), "WaitingForNode"),
    ] {
        let mut world = World::restart();
        world.node = Some(node(spec, status));
        assert_eq!(world.pass().order, None);
        assert_eq!(world.state(), pending(reason));
    }
    let mut world = World::restart();
    world.node = None;
    assert_eq!(world.pass().next, Some(Duration::from_secs(600)));
    assert_eq!(world.state(), pending("NodeNotFound"));
    assert_eq!(world.message(), "SeiNode node-0 does not exist");
}

#[test]
fn a_task_that_is_not_started_in_time_fails_with_what_it_waited_for() {
    let mut world = World::restart();
    world.node = None;
    world.pass();
    world.wait(600);
    let before = world.task.status.clone().unwrap();
    assert_eq!(world.pass().order, None);
    assert_eq!(world.state(), failed("StartTimedOut"));
    assert_eq!(world.message(), "the task was not started within 600 s: SeiNode node-0 does not exist");
    let events = events(&world.task, &before, world.task.status.as_ref().unwrap());
    assert_eq!(events.iter().map(|it| it.reason.as_str()).collect::<Vec<_>>(), ["NodeTaskFailed"]);
    world.grant();
    assert_eq!(world.pass().order, None, "it is not retried");
}

#[test]
fn a_task_with_its_node_stores_its_id_before_it_is_submitted_and_completes() {
    let mut world = World::new(json!({ "snapshotUpload": {}, "ttlSecondsAfterFinished": 60 }));
    world.grant();
    let decision = world.pass();
    let status = &decision.status;
    let order = decision.order.unwrap();
    assert_eq!((order.type_, order.submits, order.was_submitted), ("snapshot-upload-once", true, false));
    assert_eq!(status.task_id, Some(order.id.to_string()));
    assert_eq!((status.phase, status.node_uid.as_deref()), (Some(NodeTaskPhase::Running), Some("n")));
    assert!(status.start_time.is_some() && status.submission_time.is_none());
    world.says(TaskProgress::Running, None);
    assert!(world.pass().order.unwrap().was_submitted);
    let result = TaskResult {
        outcome: Some("uploaded".to_owned()),
        height: Some(7),
        key: Some("c/state-sync/7.tar.gz".to_owned()),
        ..TaskResult::default()
    };
    world.says(TaskProgress::Completed, Some(result));
    let before = world.task.status.clone().unwrap();
    let decision = world.pass();
    assert_eq!((decision.order, decision.next), (None, Some(Duration::from_secs(60))));
    assert_eq!(world.state(), (NodeTaskPhase::Complete, "TaskComplete".to_owned()));
    let after = world.task.status.clone().unwrap();
    assert_eq!(after.result.as_ref().unwrap().height, Some(7));
    let [event] = &events(&world.task, &before, &after)[..] else { panic!("one event") };
    assert_eq!(
        event.note,
        "snapshotUpload on SeiNode node-0 is complete: uploaded, height 7, key c/state-sync/7.tar.gz"
    );
    world.wait(59);
    assert!(!world.pass().expired);
    world.wait(1);
    assert!(world.pass().expired);
}

#[test]
fn an_operation_without_its_keyring_is_rejected_before_anything_is_sent() {
    let vote = json!({ "proposalId": 7, "option": "No", "fees": "4000usei", "gas": 200000 });
    let mut world = World::new(json!({ "governanceVote": vote }));
    world.grant();
    assert_eq!(world.pass().order, None);
    assert_eq!(world.state(), failed("Rejected"));
}

#[test]
fn a_task_of_a_later_version_is_left_alone() {
    let mut world = World::restart();
    world.grant();
    world.task.status = Some(SeiNodeTaskStatus { phase: Some(NodeTaskPhase::Unknown), ..Default::default() });
    let decision = decide(&world.observe());
    assert_eq!(decision, Decision { status: world.task.status.unwrap(), ..Decision::default() });
}
