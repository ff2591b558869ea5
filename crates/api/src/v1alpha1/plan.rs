//! A plan as stored in status. The typed tasks are in sei-plan.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    NodePhase, lenient,
    schema::{self, INTEGER_MAX},
};

/// An ordered list of tasks that brings the node to a target state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskPlan {
    /// Random UUID of this plan; the IDs of its tasks are derived from it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// State of the plan.
    pub phase: PlanPhase,
    /// The tasks, in order. The current one is the first that is not Complete.
    pub tasks: Vec<PlannedTask>,
    /// Phase of the node when the plan completes; absent: unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_phase: Option<NodePhase>,
    /// Phase of the node when the plan fails; absent: unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_phase: Option<NodePhase>,
    /// Index of the task that made the plan fail.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::optional_integer"
    )]
    #[schemars(range(min = 0, max = INTEGER_MAX))]
    pub failed_task_index: Option<i64>,
    /// Details of the failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_task_detail: Option<FailedTaskDetail>,
    /// Image that this plan rolls out. Plans of the Go controller have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_image: Option<String>,
    /// Generation of the spec that the plan was created from. Plans of the Go controller have none.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::optional_integer"
    )]
    #[schemars(range(min = 0, max = INTEGER_MAX))]
    pub generation: Option<i64>,
    /// Value of annotation `sei.io/retry` when the plan was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<String>,
    /// When the plan was created.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::time")]
    pub created_at: Option<Time>,
    /// UID of the data volume claim that the tasks work on: work completed on another claim does not count. Plans of
    /// the Go controller have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim_uid: Option<String>,
    /// Sidecar image that the plan was created for. Plans of the Go controller have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sidecar_image: Option<String>,
    /// Number of consecutive plans that were replaced because the current task needed a new ID.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::optional_integer"
    )]
    #[schemars(range(min = 0, max = INTEGER_MAX))]
    pub reissues: Option<i64>,
}

/// State of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PlanPhase {
    /// Has tasks left to do.
    Active,
    /// All tasks are complete.
    Complete,
    /// A task failed permanently.
    Failed,
    /// A value that this version does not know, written by a later version.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedTask {
    /// Task type.
    #[serde(rename = "type")]
    pub type_: String,
    /// UUID derived from the plan's ID, the type and the index; also the ID of the sidecar's task.
    pub id: String,
    /// State of the task. A running task is Pending with `submittedAt`.
    pub status: TaskStatus,
    /// Parameters, fixed when the plan was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::any")]
    pub params: Option<Value>,
    /// When the current attempt was started.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::time")]
    pub submitted_at: Option<Time>,
    /// Last error, of an attempt or of the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Maximum number of retries.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::optional_integer"
    )]
    #[schemars(range(min = 0, max = INTEGER_MAX))]
    pub max_retries: Option<i64>,
    /// Number of retries so far.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::optional_integer"
    )]
    #[schemars(range(min = 0, max = INTEGER_MAX))]
    pub retry_count: Option<i64>,
    /// When the next attempt is due.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::time")]
    pub next_attempt_at: Option<Time>,
    /// When the task started waiting for something external, which `Ready` names.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::time")]
    pub waiting_since: Option<Time>,
    /// UID of the object that the task acted on: the claim, the Job or the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_uid: Option<String>,
}

/// State of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TaskStatus {
    /// Not complete; may be running. Later versions of sei-k8s-controller also write `Running`.
    #[serde(alias = "Running")]
    Pending,
    /// Complete.
    Complete,
    /// Failed permanently.
    Failed,
    /// A value that this version does not know, written by a later version.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}

/// The task that made a plan fail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailedTaskDetail {
    /// Task type.
    #[serde(rename = "type")]
    pub type_: String,
    /// Task ID.
    pub id: String,
    /// The error.
    pub error: String,
    /// Number of retries.
    #[serde(deserialize_with = "lenient::integer")]
    #[schemars(range(min = 0, max = INTEGER_MAX))]
    pub retry_count: i64,
    /// Maximum number of retries.
    #[serde(deserialize_with = "lenient::integer")]
    #[schemars(range(min = 0, max = INTEGER_MAX))]
    pub max_retries: i64,
    /// Why the task was not retried any longer. Failures that the Go controller stored have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<FailureCause>,
    /// UID of the pod or bootstrap Job that it failed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_uid: Option<String>,
}

/// Why a task failed permanently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FailureCause {
    /// The last attempt failed as well.
    AttemptsExhausted,
    /// No attempt can succeed.
    Rejected,
    /// The sidecar does not know the task.
    TaskUnknown,
    /// A value that this version does not know, written by a later version.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}
