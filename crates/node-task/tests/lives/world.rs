//! A task, its node and its sidecar, changed by tests.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use sei_api::{SeiNode, SeiNodeTask, v1alpha1::task::NodeTaskPhase};
use sei_decide::{Answer, Sidecar, TaskProgress, TaskReport, TaskResult};
use sei_node_task::{Decision, Node, Observed, decide, task_id};
use serde_json::{Value, json};

const START: &str = "2027-01-01T00:00:00Z";

/// A task, its node, and the state of the sidecar.
pub struct World {
    pub task: SeiNodeTask,
    pub node: Option<SeiNode>,
    pub sidecar: Sidecar,
    pub now: Timestamp,
}

impl World {
    pub fn new(spec: Value) -> Self {
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

    pub fn restart() -> Self {
        Self::new(json!({ "restartSeid": {} }))
    }

    /// Starts the task on its node.
    pub fn started(mut self) -> Self {
        self.grant();
        let decision = self.pass();
        assert!(decision.order.is_some_and(|order| order.submits));
        self
    }

    pub fn grant(&mut self) {
        let held = json!({ "phase": "Running", "nodeTask": { "name": "task", "uid": "t" } });
        self.node = Some(node(json!({}), held));
    }

    pub fn observe(&self) -> Observed {
        let node = self.node.clone().map_or(Node::Missing, |node| Node::Found(Arc::new(node)));
        Observed { task: Arc::new(self.task.clone()), node, sidecar: self.sidecar.clone(), now: self.now }
    }

    /// Decides, and stores the status.
    pub fn pass(&mut self) -> Decision {
        let decision = decide(&self.observe());
        self.task.status = Some(decision.status.clone());
        decision
    }

    pub fn wait(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    pub fn says(&mut self, progress: TaskProgress, result: Option<TaskResult>) {
        let value = TaskReport { id: task_id(&self.task).to_string(), retries: 0, progress, result };
        self.sidecar = Sidecar { task: Some(Answer { at: self.now, value }), ..Sidecar::default() };
    }

    /// Phase, and reason of `Stalled` or else of `Ready`.
    pub fn state(&self) -> (NodeTaskPhase, String) {
        let status = self.task.status.as_ref().unwrap();
        let conditions: Vec<_> = status.conditions.iter().flatten().collect();
        assert!(conditions.iter().all(|it| it.observed_generation == Some(1)));
        let stalled = conditions.iter().find(|condition| condition.type_ == "Stalled");
        let ready = conditions.iter().find(|condition| condition.type_ == "Ready").unwrap();
        (status.phase.unwrap(), stalled.unwrap_or(ready).reason.clone())
    }

    pub fn message(&self) -> String {
        let status = self.task.status.as_ref().unwrap();
        status.conditions.iter().flatten().find(|it| it.type_ == "Ready").unwrap().message.clone()
    }
}

pub fn node(spec: Value, status: Value) -> SeiNode {
    let mut all = json!({ "chainId": "c", "image": "seid:a", "fullNode": {} });
    all.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    let metadata = json!({ "name": "node-0", "namespace": "sei", "uid": "n" });
    serde_json::from_value(json!({ "metadata": metadata, "spec": all, "status": status })).unwrap()
}

pub fn pending(reason: &str) -> (NodeTaskPhase, String) {
    (NodeTaskPhase::Pending, reason.to_owned())
}

pub fn failed(reason: &str) -> (NodeTaskPhase, String) {
    (NodeTaskPhase::Failed, reason.to_owned())
}
