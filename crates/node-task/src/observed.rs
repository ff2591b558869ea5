//! The observed state of a SeiNodeTask.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use sei_api::{
    SeiNode, SeiNodeTask, SeiNodeTaskStatus,
    v1alpha1::task::{NodeTaskPhase, Operation},
};
use sei_decide::Sidecar;

/// Everything known about a SeiNodeTask at one point in time.
pub struct Observed {
    /// The task, as the API server last returned it.
    pub task: Arc<SeiNodeTask>,
    /// Its SeiNode.
    pub node: Node,
    /// The observed state of the sidecar of the SeiNode.
    pub sidecar: Sidecar,
    /// The time of the observation.
    pub now: Timestamp,
}

/// The SeiNode of a task.
pub enum Node {
    /// It does not exist.
    Missing,
    /// It cannot be decoded.
    Unreadable,
    /// It exists.
    Found(Arc<SeiNode>),
}

impl Observed {
    pub(crate) fn status(&self) -> SeiNodeTaskStatus {
        self.task.status.clone().unwrap_or_default()
    }

    pub(crate) fn phase(&self) -> Option<NodeTaskPhase> {
        self.task.status.as_ref()?.phase
    }

    pub(crate) fn node_name(&self) -> &str {
        &self.task.spec.node_ref.name
    }

    /// Whether the SeiNode records that this task holds it.
    pub(crate) fn has_node(&self) -> bool {
        let Node::Found(node) = &self.node else { return false };
        let held = node.status.as_ref().and_then(|status| status.node_task.as_ref());
        held.is_some_and(|held| Some(&held.uid) == self.task.metadata.uid.as_ref())
    }

    /// Whether the sidecar has to be called: the task was started, or can be.
    pub fn needs_sidecar(task: &SeiNodeTask, node: &Node) -> bool {
        let phase = task.status.as_ref().and_then(|status| status.phase);
        match phase {
            Some(NodeTaskPhase::Complete | NodeTaskPhase::Failed | NodeTaskPhase::Unknown) => false,
            Some(NodeTaskPhase::Running) => true,
            Some(NodeTaskPhase::Pending) | None => {
                let Node::Found(node) = node else { return false };
                let held = node.status.as_ref().and_then(|status| status.node_task.as_ref());
                held.is_some_and(|held| Some(&held.uid) == task.metadata.uid.as_ref())
            }
        }
    }

    /// The time left for the task to start.
    pub(crate) fn left_to_start(&self) -> Duration {
        let created = self.task.metadata.creation_timestamp.as_ref().map_or(self.now, |time| time.0);
        self.left(created, self.task.spec.start_timeout_seconds)
    }

    /// The time left for `operation`, which started at `started`.
    pub(crate) fn left_to_end(&self, operation: Operation<'_>, started: Timestamp) -> Duration {
        let limit = self.task.spec.timeout_seconds;
        self.left(started, limit.unwrap_or_else(|| operation.default_timeout_seconds()))
    }

    /// The time left of `limit`, which began at `since`.
    pub(crate) fn left(&self, since: Timestamp, limit: i64) -> Duration {
        let elapsed = Duration::try_from(self.now.duration_since(since)).unwrap_or_default();
        seconds(limit).saturating_sub(elapsed)
    }

    /// A time that is stored in the status of the task. It is set to now if it is missing, or if it is in the future,
    /// which would make the task wait too long: the clock that wrote it was fast, or the status was edited.
    pub(crate) fn stored(&self, time: &mut Option<Time>) -> Timestamp {
        time.take_if(|time| time.0 > self.now);
        time.get_or_insert(Time(self.now)).0
    }
}

/// A number of seconds from the spec, within the bounds of its schema.
pub(crate) fn seconds(number: i64) -> Duration {
    const YEAR: u64 = 31_536_000;
    Duration::from_secs(u64::try_from(number).unwrap_or_default().min(YEAR))
}
