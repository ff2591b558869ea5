//! The observed state of a node's sidecar. It is watched like any other object: an actor polls it
//! independently, and a pass reads the last responses.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sei_api::v1alpha1::PlannedTask;

/// The observed state of the sidecar of one pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sidecar {
    /// UID of the pod that all fields refer to; `None` if there is no pod to call.
    pub pod: Option<String>,
    /// Why the last call failed; `None` if it succeeded.
    pub trouble: Option<Trouble>,
    /// Last result of `/v0/healthz`.
    pub health: Option<Answer<Health>>,
    /// Last response about the current task.
    pub task: Option<Answer<TaskReport>>,
    /// With TLS: whether the sidecar also serves its own port, where clients are not authenticated.
    pub plain_port_answers: Option<bool>,
    /// The node's ID in the peer-to-peer network.
    pub node_id: Option<String>,
    /// The last status of the seid in the same pod; the value is `None` if it did not respond.
    pub seid: Option<Answer<Option<SeidStatus>>>,
    /// Whether it supports the requested task types, as far as known.
    pub task_types: BTreeMap<&'static str, bool>,
}

impl Sidecar {
    /// The known state of retry `retries` of task `id`.
    pub fn progress(&self, id: &str, retries: i64) -> Option<&TaskProgress> {
        let report = &self.task.as_ref()?.value;
        (report.id == id && report.retries == retries).then_some(&report.progress)
    }

    /// The known state of the current attempt of `task`.
    pub fn progress_of(&self, task: &PlannedTask) -> Option<&TaskProgress> {
        self.progress(&task.id, task.retry_count.unwrap_or(0))
    }

    /// The result of retry `retries` of task `id`, if the sidecar reports it.
    pub fn result(&self, id: &str, retries: i64) -> Option<&TaskResult> {
        let report = &self.task.as_ref()?.value;
        report.result.as_ref().filter(|_| report.id == id && report.retries == retries)
    }

    /// Whether task `id` was submitted and has not ended.
    pub fn works_on(&self, id: &str) -> bool {
        let task = self.task.as_ref().map(|task| &task.value).filter(|task| task.id == id);
        task.is_some_and(|task| matches!(task.progress, TaskProgress::Submitted | TaskProgress::Running))
    }

    /// Whether it is known to support tasks of this type.
    pub fn supports(&self, type_: &str) -> bool {
        self.task_types.get(type_) == Some(&true)
    }

    /// Whether it is known not to support tasks of this type.
    pub fn lacks(&self, type_: &str) -> bool {
        self.task_types.get(type_) == Some(&false)
    }

    /// Whether it responds and reports this health.
    pub fn reports(&self, health: Health) -> bool {
        self.trouble.is_none() && self.health.as_ref().is_some_and(|answer| answer.value == health)
    }
}

/// The status of a seid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeidStatus {
    /// Height of its latest block.
    pub height: u64,
    /// Whether it is still catching up with the chain.
    pub catching_up: bool,
    /// Time of its latest block.
    pub latest_block: Option<Timestamp>,
    /// How many peers it is connected to.
    pub peers: Option<u64>,
}

/// A response of the sidecar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    /// The time.
    pub at: Timestamp,
    /// The content.
    pub value: T,
}

/// Result of healthz.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// The sidecar is ready.
    Ready,
    /// It restarted: `mark-ready` has not completed since.
    NotReady,
    /// It is not ready because of a task `mark-not-ready`.
    Held,
}

/// Why a sidecar does not respond.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Its kind.
    pub kind: TroubleKind,
    /// Message for users.
    pub message: String,
}

/// Kind of a [`Trouble`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TroubleKind {
    /// There is no pod.
    NoPod,
    /// No response, or an invalid one.
    Unreachable,
    /// It responds, but denies access to the operator.
    AccessDenied,
}

/// State of one attempt of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskReport {
    /// ID of the task.
    pub id: String,
    /// Number of retries before this attempt.
    pub retries: i64,
    /// Its state.
    pub progress: TaskProgress,
    /// The result of a task that has ended, if the sidecar reports it.
    pub result: Option<TaskResult>,
}

/// The result of a task. Each type of task sets some of these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskResult {
    /// The outcome of an upload.
    pub outcome: Option<String>,
    /// Why nothing was uploaded.
    pub reason: Option<String>,
    /// Height of a snapshot or block.
    pub height: Option<i64>,
    /// Key in a bucket.
    pub key: Option<String>,
    /// Hash of a transaction.
    pub tx_hash: Option<String>,
    /// Whether the transaction is in a block.
    pub inclusion: Option<String>,
    /// Number of a proposal.
    pub proposal_id: Option<i64>,
    /// SHA-256 of an assembled genesis.
    pub genesis_hash: Option<String>,
}

/// State of one attempt of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskProgress {
    /// It is unknown to the sidecar.
    Unknown,
    /// The sidecar had it and no longer knows it, or was terminated while running it. It is not submitted again.
    Lost,
    /// It was not submitted: it would make the sidecar ready, which a `mark-not-ready` task prevents.
    Held,
    /// It was or is being submitted.
    Submitted,
    /// The sidecar is running it.
    Running,
    /// It is complete.
    Completed,
    /// It failed, and why.
    Failed(String),
    /// The sidecar rejected it, with this message.
    Refused(Refusal, String),
}

/// Why the sidecar rejected a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The task type is unknown.
    TaskUnknown,
    /// The request is malformed.
    Malformed,
    /// Another reason, which may be temporary.
    Other,
}
