//! What is known of a node's sidecar. It is watched like any other object: an actor polls it at an independent rhythm,
//! and a pass reads what it answered last.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sei_plan::TaskKind;

/// What is known of the sidecar of one pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sidecar {
    /// Uid of the pod that everything here is about; `None` while nothing can be called.
    pub pod: Option<String>,
    /// Why the last call failed; `None` after one that was answered.
    pub trouble: Option<Trouble>,
    /// What `/v0/healthz` said last.
    pub health: Option<Answer<Health>>,
    /// The task that was asked for last.
    pub task: Option<Answer<TaskReport>>,
    /// Under TLS, whether the sidecar also serves its own port, where callers are not authenticated.
    pub plain_port_answers: Option<bool>,
    /// The node's ID in the peer-to-peer network.
    pub node_id: Option<String>,
    /// Whether it supports the task types that are of interest, as far as it has said so.
    pub task_types: BTreeMap<TaskKind, bool>,
}

impl Sidecar {
    /// What is known of attempt `retries` of task `id`.
    pub fn progress(&self, id: &str, retries: i64) -> Option<&TaskProgress> {
        let report = &self.task.as_ref()?.value;
        (report.id == id && report.retries == retries).then_some(&report.progress)
    }

    /// Whether task `id` was submitted and has not ended.
    pub fn works_on(&self, id: &str) -> bool {
        let task = self.task.as_ref().map(|task| &task.value).filter(|task| task.id == id);
        task.is_some_and(|task| matches!(task.progress, TaskProgress::Submitted | TaskProgress::Running))
    }

    /// Whether it answers and says this of its health.
    pub fn says(&self, health: Health) -> bool {
        self.trouble.is_none() && self.health.as_ref().is_some_and(|answer| answer.value == health)
    }
}

/// Something that the sidecar said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    /// When.
    pub at: Timestamp,
    /// What.
    pub value: T,
}

/// Answer of healthz.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// The sidecar is ready.
    Ready,
    /// It restarted: no `mark-ready` has completed since.
    NotReady,
    /// It is not ready, and a task `mark-not-ready` says that it must not be.
    Held,
}

/// Why a sidecar does not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Its class.
    pub kind: TroubleKind,
    /// For a person.
    pub message: String,
}

/// Class of a [`Trouble`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TroubleKind {
    /// There is no pod to call.
    NoPod,
    /// No answer, or none that can be used.
    Unreachable,
    /// It answers, and refuses the operator.
    AccessDenied,
}

/// How far one attempt of a task is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskReport {
    /// Id of the task.
    pub id: String,
    /// Failed attempts of it that were repeated deliberately.
    pub retries: i64,
    /// How far it is.
    pub progress: TaskProgress,
}

/// How far one attempt of a task is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskProgress {
    /// The sidecar does not know it.
    Unknown,
    /// It would make the sidecar ready, which a task `mark-not-ready` forbids. It was not submitted.
    Held,
    /// It was or is being submitted.
    Submitted,
    /// The sidecar works on it.
    Running,
    /// It is done.
    Completed,
    /// It failed, and why.
    Failed(String),
    /// The sidecar did not accept it, and its words.
    Refused(Refusal, String),
}

/// What of a submission the sidecar did not accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It does not know the type of the task.
    TaskUnknown,
    /// The request has another shape than it expects.
    Malformed,
    /// Something else, which may pass.
    Other,
}
