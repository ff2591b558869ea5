//! How a task that has started fails.

use std::time::Duration;

use jiff::Timestamp;
use sei_api::v1alpha1::task::NodeTaskPhase;
use sei_decide::{Refusal, TaskProgress, TaskResult, Trouble, TroubleKind};
use serde_json::json;

use crate::world::{World, failed};

/// A vote that was already ordered.
fn started_vote() -> World {
    let vote = json!({ "proposalId": 7, "option": "No", "fees": "4000usei", "gas": 200000 });
    let mut world = World::new(json!({ "governanceVote": vote }));
    world.grant();
    let keyring = json!({ "secretName": "k", "passphraseSecretRef": { "secretName": "p", "key": "p" } });
    let spec = &mut world.node.as_mut().unwrap().spec;
    spec.full_node = None;
    spec.validator = serde_json::from_value(json!({ "operatorKeyring": { "secret": keyring } })).unwrap();
    let order = world.pass().order.unwrap();
    assert_eq!((order.type_, order.needs_type), ("gov-vote", Some("mark-not-ready")));
    assert_eq!(order.params.unwrap()["option"], "no");
    world
}

#[test]
fn each_failure_has_its_reason_and_is_final() {
    let text = |text: &str| text.to_owned();
    for (progress, reason, part) in [
        (TaskProgress::Failed(text("boom")), "OperationFailed", "boom"),
        (
            TaskProgress::Refused(Refusal::TaskUnknown, text("unknown task type")),
            "NotSupported",
            "needs v0.0.56 or later",
        ),
        (TaskProgress::Refused(Refusal::Malformed, text("bad")), "Rejected", "bad"),
        (TaskProgress::Lost, "OutcomeUnknown", "lost its record"),
    ] {
        let mut world = World::restart().started();
        world.says(progress, None);
        assert_eq!(world.pass().order, None);
        assert_eq!(world.state(), failed(reason));
        assert!(world.message().contains(part), "{}", world.message());
    }
}

#[test]
fn a_transaction_that_is_in_no_block_yet_is_not_reported_as_failed() {
    for (inclusion, reason) in [
        ("pending", "OutcomeUnknown"),
        ("unverifiable", "OutcomeUnknown"),
        ("committed_failed", "OperationFailed"),
    ] {
        let mut world = started_vote();
        let result = TaskResult {
            tx_hash: Some("AB".to_owned()),
            inclusion: Some(inclusion.to_owned()),
            ..TaskResult::default()
        };
        world.says(TaskProgress::Failed("not included".to_owned()), Some(result));
        world.pass();
        assert_eq!(world.state(), failed(reason));
        assert_eq!(world.task.status.unwrap().result.unwrap().tx_hash.as_deref(), Some("AB"));
    }
}

#[test]
fn a_failure_without_a_result_says_how_to_find_a_transaction_that_was_sent_before_a_restart() {
    for progress in [TaskProgress::Failed("query local seid /status".to_owned()), TaskProgress::Lost] {
        let mut world = started_vote();
        world.says(progress, None);
        world.pass();
        let id = world.task.status.as_ref().unwrap().task_id.clone().unwrap();
        assert!(world.message().ends_with(&format!("has taskID={id} in its memo")), "{}", world.message());
    }
}

#[test]
fn a_task_that_takes_too_long_fails_and_says_that_it_was_not_cancelled() {
    let mut world = World::new(json!({ "restartSeid": {}, "timeoutSeconds": 30 })).started();
    let trouble = Trouble { kind: TroubleKind::Unreachable, message: "no route to host".to_owned() };
    world.sidecar.trouble = Some(trouble);
    assert_eq!(world.pass().next, Some(Duration::from_secs(30)));
    assert_eq!(world.state(), (NodeTaskPhase::Running, "SidecarUnreachable".to_owned()));
    world.wait(30);
    assert_eq!(world.pass().order, None);
    assert_eq!(world.state(), failed("TimedOut"));
    assert!(world.message().contains("no route to host"), "{}", world.message());

    let mut world = World::restart().started();
    world.says(TaskProgress::Running, None);
    world.pass();
    world.wait(900);
    world.pass();
    assert_eq!(world.state(), failed("TimedOut"));
    assert!(world.message().contains("not cancelled"), "{}", world.message());
}

#[test]
fn a_node_that_is_deleted_or_recreated_fails_its_task_and_a_paused_one_gets_no_submission() {
    let mut world = World::restart().started();
    world.node = None;
    world.pass();
    assert_eq!(world.state(), failed("NodeDeleted"));

    let mut world = World::restart().started();
    world.node.as_mut().unwrap().metadata.uid = Some("successor".to_owned());
    assert_eq!(world.pass().order, None);
    assert_eq!(world.state(), failed("NodeDeleted"));

    let mut world = World::restart().started();
    world.node.as_mut().unwrap().spec.paused = Some(true);
    assert!(!world.pass().order.unwrap().submits);
    assert_eq!(world.state(), (NodeTaskPhase::Running, "NodePaused".to_owned()));
}

#[test]
fn times_in_the_future_delay_neither_the_end_nor_the_deletion_of_a_task() {
    for future in ["2027-01-01T01:00:00Z", "9999-12-30T21:59:59Z"] {
        let future: Timestamp = future.parse().unwrap();
        let mut world =
            World::new(json!({ "restartSeid": {}, "timeoutSeconds": 30, "ttlSecondsAfterFinished": 60 }));
        world = world.started();
        world.task.status.as_mut().unwrap().start_time.as_mut().unwrap().0 = future;
        assert_eq!(world.pass().next, Some(Duration::from_secs(30)));
        world.wait(30);
        world.pass();
        assert_eq!(world.state(), failed("TimedOut"));
        world.task.status.as_mut().unwrap().completion_time.as_mut().unwrap().0 = future;
        assert_eq!(world.pass().next, Some(Duration::from_secs(60)));
        world.wait(60);
        assert!(world.pass().expired);
    }
}
