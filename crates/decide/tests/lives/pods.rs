//! What `Ready` reports about a node whose pod is not running.

use std::sync::Arc;

use sei_api::conditions::{ConditionType, ReadyReason};
use sei_decide::{Answer, TaskProgress, TaskReport, Trouble, TroubleKind};
use sei_plan::{OfKind, Outcome, TaskKind};
use serde_json::{Value, json};

use crate::life::Life;

/// `reason: message` of `Ready`.
fn ready(life: &Life) -> String {
    let ready = life.node.status.as_ref().unwrap().condition(ConditionType::Ready).unwrap();
    format!("{}: {}", ready.reason, ready.message)
}

#[test]
fn a_suspended_bootstrap_job_is_reported_as_what_the_node_waits_for() {
    let snapshot = json!({ "s3": { "targetHeight": 7 }, "bootstrapImage": "seid:old" });
    let peers = json!([{ "static": { "addresses": ["0123456789abcdef0123456789abcdef01234567@b:1"] } }]);
    let mode = json!({ "snapshot": snapshot });
    let mut life = Life::new(json!({ "chainId": "c", "image": "seid:0", "peers": peers, "fullNode": mode }));
    life.pass(Vec::new(), &Outcome::Done).unwrap();
    life.adjust = Box::new(|observed| {
        let job = Arc::make_mut(observed.children.job.as_mut().unwrap());
        job.spec.get_or_insert_default().suspend = Some(true);
    });
    for reason in [ReadyReason::WaitingForBootstrap, ReadyReason::SidecarUnreachable] {
        let waiting = Outcome::Waiting { reason, detail: "the sidecar does not respond".to_owned() };
        life.pass(vec![waiting.clone()], &waiting).unwrap();
        let ready = ready(&life);
        assert!(ready.starts_with("WaitingForPod: task "), "{ready}");
        assert!(ready.ends_with("Job node-0-bootstrap is suspended"), "{ready}");
    }
}

#[test]
fn a_running_node_names_what_keeps_its_pod_from_running() {
    let drained = json!({ "status": { "conditions": [{ "type": "PodScheduled", "status": "False",
        "message": "0/1 nodes are available: 1 node(s) were unschedulable" }] } });
    let terminating = json!({ "metadata": { "deletionTimestamp": "2027-01-01T00:00:00Z" } });
    let pulling = json!({ "status": { "containerStatuses": [{ "name": "seid", "image": "seid:0", "imageID": "",
        "ready": false, "restartCount": 0,
        "state": { "waiting": { "reason": "ImagePullBackOff", "message": "not found" } } }] } });
    // With a sidecar that does not respond and with one that responded in the last call.
    for health in [3, 0] {
        for (pod, expected) in [
            (&drained, "not scheduled: 0/1 nodes are available: 1 node(s) were unschedulable"),
            (&terminating, "it has been terminating since 2027-01-01T00:00:00Z"),
            (&pulling, "container seid (seid:0): ImagePullBackOff not found"),
        ] {
            let mut life = running();
            life.forms.health = health;
            show(&mut life, Some(pod.clone()));
            life.pass(Vec::new(), &Outcome::Done).unwrap();
            let ready = ready(&life);
            assert!(ready.starts_with("WaitingForPod: pod node-0-0 is not r"), "{ready}");
            assert!(ready.ends_with(expected), "{ready}");
        }
    }
    let mut life = running();
    life.forms.health = 3;
    show(&mut life, None);
    life.pass(Vec::new(), &Outcome::Done).unwrap();
    assert_eq!(ready(&life), "WaitingForPod: pod node-0-0 does not exist yet; StatefulSet node-0 creates it");
}

/// A sidecar that lacks memory ends whenever it runs the task that it has accepted. A sidecar that only does not respond
/// may still be running it.
#[test]
fn a_corrected_spec_replaces_a_plan_whose_pod_fails_during_a_task() {
    let crashing = json!({ "metadata": { "uid": "u" }, "status": { "initContainerStatuses": [{ "name": "sei-sidecar", "image": "seictl:0",
        "imageID": "", "ready": false, "restartCount": 5,
        "state": { "waiting": { "reason": "CrashLoopBackOff", "message": "back-off 5m0s" } } }] } });
    for (pod, is_replaced) in [(crashing, true), (json!({ "metadata": { "uid": "u" } }), false)] {
        let mut life = Life::new(json!({ "chainId": "c", "image": "seid:0", "fullNode": {} }));
        life.pass(Vec::new(), &Outcome::Done).unwrap();
        let detail = "the sidecar does not respond".to_owned();
        let waiting = Outcome::Waiting { reason: ReadyReason::SidecarUnreachable, detail };
        life.pass(vec![Outcome::Done; 3], &waiting).unwrap();
        let plan = life.plan().unwrap();
        let task = plan.tasks.iter().find(|task| task.waiting_since.is_some()).unwrap();
        assert!(task.kind().is_some_and(TaskKind::runs_in_sidecar), "{}", task.type_);
        show(&mut life, Some(pod));
        let (show, id) = (std::mem::replace(&mut life.adjust, Box::new(|_| {})), task.id.clone());
        life.adjust = Box::new(move |observed| {
            show(observed);
            let message = "connection refused".to_owned();
            observed.sidecar.trouble = Some(Trouble { kind: TroubleKind::Unreachable, message });
            let value =
                TaskReport { id: id.clone(), retries: 0, progress: TaskProgress::Running, result: None };
            observed.sidecar.task = Some(Answer { at: observed.now, value });
        });
        life.change(|node| node.spec.image = "seid:1".to_owned());
        life.pass(Vec::new(), &waiting).unwrap();
        assert_eq!(life.plan().unwrap().id != plan.id, is_replaced);
    }
}

fn running() -> Life {
    let mut life = Life::new(json!({ "chainId": "c", "image": "seid:0", "fullNode": {} }));
    while life.pass(Vec::new(), &Outcome::Done).unwrap() {}
    assert!(ready(&life).starts_with("NodeReady"));
    life
}

/// Observes `pod` instead of a healthy one.
fn show(life: &mut Life, pod: Option<Value>) {
    life.adjust = Box::new(move |observed| {
        observed.children.pod = pod.clone().map(|mut pod| {
            pod["metadata"]["name"] = "node-0-0".into();
            Arc::new(serde_json::from_value(pod).unwrap())
        });
    });
}
