//! Messages of the sidecar's API, version 0.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// Body of `POST /v0/tasks`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TaskRequest {
    /// Id chosen by the caller; the same id is the same task.
    pub id: Uuid,
    /// Task type.
    #[serde(rename = "type")]
    pub type_: String,
    /// Parameters; left out, not null, when a task has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params: Option<Value>,
}

/// What the sidecar knows of a task.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskRecord {
    /// Its id.
    pub id: Uuid,
    /// Its type.
    #[serde(rename = "type")]
    pub type_: String,
    /// How far it is.
    pub status: TaskState,
    /// How often it was started; not part of the published schema.
    #[serde(default)]
    pub run: Option<i64>,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<String>,
}

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskState {
    /// Done.
    Completed,
    /// Ended with an error. A submission of the same id runs it again.
    Failed,
    /// Under way; also what is not known by this version.
    #[serde(other)]
    Running,
}

/// Answer of `/v0/healthz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// A mark-ready task has completed since the sidecar started.
    Ready,
    /// None has.
    NotReady,
}

/// Answer to a submission.
#[derive(Deserialize)]
pub(crate) struct Submitted {
    pub(crate) id: Uuid,
}

/// Body of an error.
#[derive(Deserialize)]
pub(crate) struct Refusal {
    pub(crate) error: String,
}
