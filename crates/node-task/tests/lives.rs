//! SeiNodeTasks over their whole lifetime: decisions are stored late or lost, the operator restarts, and the sidecar loses its
//! records. Nothing is submitted twice, and every task ends.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use sei_api::{SeiNode, SeiNodeTask, SeiNodeTaskStatus, v1alpha1::task::NodeTaskPhase};
use sei_decide::{Answer, Refusal, Sidecar, TaskProgress, TaskReport, TaskResult, Trouble, TroubleKind};
use sei_node_task::{Decision, Node, Observed, Order, decide, events, task_id};
use serde_json::{Value, json};

const START: &str = "2027-01-01T00:00:00Z";

struct World {
    task: SeiNodeTask,
    node: Option<SeiNode>,
    sidecar: Sidecar,
    now: Timestamp,
}

impl World {
    fn new(spec: Value) -> Self {
        let mut all = json!({ "nodeRef": { "name": "node-0" }, "startTimeoutSeconds": 600 });
        all.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let task = json!({
            "metadata": { "name": "task", "namespace": "sei", "uid": "t", "generation": 1, "creationTimestamp": START },
            "spec": all,
        });
        Self {
            task: serde_json::from_value(task).unwrap(),
            node: Some(node(json!({}), json!({ "phase": "Running" }))),
            sidecar: Sidecar::default(),
            now: START.parse().unwrap(),
        }
    }

    fn restart() -> Self {
        Self::new(json!({ "restartSeid": {} }))
    }

    /// With the node, and started.
    fn started(mut self) -> Self {
        self.grant();
        let decision = self.pass();
        assert!(decision.order.is_some_and(|order| order.submits));
        self
    }

    fn grant(&mut self) {
        let held = json!({ "phase": "Running", "nodeTask": { "name": "task", "uid": "t" } });
        self.node = Some(node(json!({}), held));
    }

    fn observe(&self) -> Observed {
        let node = self.node.clone().map_or(Node::Missing, |node| Node::Found(Arc::new(node)));
        Observed { task: Arc::new(self.task.clone()), node, sidecar: self.sidecar.clone(), now: self.now }
    }

    /// Decides, and stores the status.
    fn pass(&mut self) -> Decision {
        let decision = decide(&self.observe());
        self.task.status = Some(decision.status.clone());
        decision
    }

    fn wait(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    fn says(&mut self, progress: TaskProgress, result: Option<TaskResult>) {
        let value = TaskReport { id: task_id(&self.task).to_string(), retries: 0, progress, result };
        self.sidecar = Sidecar { task: Some(Answer { at: self.now, value }), ..Sidecar::default() };
    }

    /// Phase, and reason of `Stalled` or else of `Ready`.
    fn state(&self) -> (NodeTaskPhase, String) {
        let status = self.task.status.as_ref().unwrap();
        let conditions: Vec<_> = status.conditions.iter().flatten().collect();
        assert!(conditions.iter().all(|it| it.observed_generation == Some(1)));
        let stalled = conditions.iter().find(|condition| condition.type_ == "Stalled");
        let ready = conditions.iter().find(|condition| condition.type_ == "Ready").unwrap();
        (status.phase.unwrap(), stalled.unwrap_or(ready).reason.clone())
    }

    fn message(&self) -> String {
        let status = self.task.status.as_ref().unwrap();
        status.conditions.iter().flatten().find(|it| it.type_ == "Ready").unwrap().message.clone()
    }
}

fn node(spec: Value, status: Value) -> SeiNode {
    let mut all = json!({ "chainId": "c", "image": "seid:a", "fullNode": {} });
    all.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    let metadata = json!({ "name": "node-0", "namespace": "sei", "uid": "n" });
    serde_json::from_value(json!({ "metadata": metadata, "spec": all, "status": status })).unwrap()
}

fn pending(reason: &str) -> (NodeTaskPhase, String) {
    (NodeTaskPhase::Pending, reason.to_owned())
}

fn failed(reason: &str) -> (NodeTaskPhase, String) {
    (NodeTaskPhase::Failed, reason.to_owned())
}

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
    let vote = json!({ "proposalId": 7, "option": "No", "fees": "4000usei", "gas": 200000 });
    for (inclusion, reason) in [
        ("pending", "OutcomeUnknown"),
        ("unverifiable", "OutcomeUnknown"),
        ("committed_failed", "OperationFailed"),
    ] {
        let mut world = World::new(json!({ "governanceVote": vote }));
        world.grant();
        let keyring = json!({ "secretName": "k", "passphraseSecretRef": { "secretName": "p", "key": "p" } });
        let spec = &mut world.node.as_mut().unwrap().spec;
        spec.full_node = None;
        spec.validator = serde_json::from_value(json!({ "operatorKeyring": { "secret": keyring } })).unwrap();
        let order = world.pass().order.unwrap();
        assert_eq!((order.type_, order.needs_type), ("gov-vote", Some("mark-not-ready")));
        assert_eq!(order.params.unwrap()["option"], "no");
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
fn an_operation_without_its_keyring_is_rejected_before_anything_is_sent() {
    let vote = json!({ "proposalId": 7, "option": "No", "fees": "4000usei", "gas": 200000 });
    let mut world = World::new(json!({ "governanceVote": vote }));
    world.grant();
    assert_eq!(world.pass().order, None);
    assert_eq!(world.state(), failed("Rejected"));
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
fn a_task_of_a_later_version_is_left_alone() {
    let mut world = World::restart();
    world.grant();
    world.task.status = Some(SeiNodeTaskStatus { phase: Some(NodeTaskPhase::Unknown), ..Default::default() });
    let decision = decide(&world.observe());
    assert_eq!(decision, Decision { status: world.task.status.unwrap(), ..Decision::default() });
}

/// What happens in the random lives.
#[derive(Clone, Debug)]
enum Event {
    Time(u16),
    Grant(bool),
    Pause(bool),
    DeleteNode,
    /// The sidecar responds, or not.
    Respond(bool),
    /// The running operation ends.
    End(bool),
    /// The operator restarts, and knows only what is stored.
    Crash,
    /// The volume is replaced: the records of the sidecar are lost.
    LoseRecords,
    /// A pass; its status write may be lost, and so may its order.
    Pass {
        stored: bool,
    },
    /// The actor carries out the last order; the response to a submission may be lost.
    Act {
        answered: bool,
    },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        2 => (0u16..400).prop_map(Event::Time),
        2 => any::<bool>().prop_map(Event::Grant),
        1 => any::<bool>().prop_map(Event::Pause),
        1 => Just(Event::DeleteNode),
        1 => any::<bool>().prop_map(Event::Respond),
        2 => any::<bool>().prop_map(Event::End),
        2 => Just(Event::Crash),
        1 => Just(Event::LoseRecords),
        6 => any::<bool>().prop_map(|stored| Event::Pass { stored }),
        6 => any::<bool>().prop_map(|answered| Event::Act { answered }),
    ]
}

/// The sidecar and its actor.
#[derive(Default)]
struct Executor {
    order: Option<Order>,
    /// The record of the sidecar: running, or how it ended.
    record: Option<Option<bool>>,
    /// Whether the actor of this process has seen the record.
    saw: bool,
    silent: bool,
    runs: u32,
    losses: u32,
}

impl Executor {
    fn act(&mut self, answered: bool) -> Option<TaskProgress> {
        let order = self.order.clone().filter(|_| !self.silent)?;
        match self.record {
            Some(ended) => {
                self.saw = true;
                Some(match ended {
                    None => TaskProgress::Running,
                    Some(true) => TaskProgress::Completed,
                    Some(false) => TaskProgress::Failed("boom".to_owned()),
                })
            }
            None if self.saw || order.was_submitted => Some(TaskProgress::Lost),
            None if !order.submits => Some(TaskProgress::Unknown),
            None => {
                self.record = Some(None);
                self.runs += 1;
                self.saw = answered;
                answered.then_some(TaskProgress::Submitted)
            }
        }
    }
}

proptest! {
    #[test]
    fn nothing_is_submitted_twice_and_every_task_ends(events in prop::collection::vec(event(), 0..80)) {
        let mut world = World::restart();
        let mut executor = Executor::default();
        let mut ended: Option<SeiNodeTaskStatus> = None;
        for event in events {
            match event {
                Event::Time(seconds) => world.wait(seconds.into()),
                Event::Grant(true) if world.node.is_some() => {
                    let paused = world.node.as_ref().unwrap().spec.paused;
                    world.grant();
                    world.node.as_mut().unwrap().spec.paused = paused;
                }
                Event::Grant(_) => {}
                Event::Pause(paused) => {
                    world.node.iter_mut().for_each(|node| node.spec.paused = Some(paused));
                }
                Event::DeleteNode => world.node = None,
                Event::Respond(responds) => executor.silent = !responds,
                Event::End(success) => {
                    if executor.record == Some(None) {
                        executor.record = Some(Some(success));
                    }
                }
                Event::Crash => {
                    (executor.order, executor.saw) = (None, false);
                    world.sidecar = Sidecar::default();
                }
                Event::LoseRecords => {
                    executor.losses += u32::from(executor.record.take().is_some());
                }
                Event::Pass { stored } => {
                    let decision = decide(&world.observe());
                    let changed = world.task.status.as_ref() != Some(&decision.status);
                    prop_assert!(ended.is_none() || !changed, "a finished task changes");
                    if changed && !stored {
                        continue;
                    }
                    world.task.status = Some(decision.status);
                    let phase = world.task.status.as_ref().and_then(|status| status.phase);
                    if let Some(order) = &decision.order {
                        prop_assert!(phase == Some(NodeTaskPhase::Running), "it is requested before it is stored");
                        prop_assert_eq!(order.id, task_id(&world.task));
                    }
                    if phase.is_some_and(NodeTaskPhase::is_finished) {
                        ended = world.task.status.clone();
                    } else {
                        prop_assert!(decision.next.is_some(), "it waits without a limit");
                    }
                    executor.order = decision.order;
                }
                Event::Act { answered } => {
                    if let Some(progress) = executor.act(answered) {
                        world.says(progress, None);
                    }
                }
            }
            // Only a sidecar that loses its record before the operator has stored that it had it runs it again.
            prop_assert!(executor.runs <= 1 + executor.losses, "{} runs", executor.runs);
        }
        // It ends by time alone.
        executor.silent = true;
        for _ in 0..4 {
            world.wait(1000);
            world.pass();
        }
        prop_assert!(world.task.status.unwrap().phase.unwrap().is_finished());
    }
}
