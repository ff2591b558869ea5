//! A plan as it is stored in status. The typed tasks behind it are sei-plan's.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    NodePhase, lenient,
    schema::{self, INTEGER_MAX},
};

/// An ordered list of tasks that brings the node somewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskPlan {
    /// Random UUID of this plan; the ids of its tasks derive from it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// Where the plan is.
    pub phase: PlanPhase,
    /// The tasks, in order. The current one is the first that is not Complete.
    pub tasks: Vec<PlannedTask>,
    /// Phase of the node when the plan completes; absent: it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_phase: Option<NodePhase>,
    /// Phase of the node when the plan fails; absent: it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_phase: Option<NodePhase>,
    /// Index of the task that failed the plan.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::optional_integer"
    )]
    #[schemars(range(min = 0, max = INTEGER_MAX))]
    pub failed_task_index: Option<i64>,
    /// What is known of the failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_task_detail: Option<FailedTaskDetail>,
    /// Image that this plan brings the node to. Plans of the Go controller have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_image: Option<String>,
    /// Generation of the spec that the plan was made from. Plans of the Go controller have none.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::optional_integer"
    )]
    #[schemars(range(min = 0, max = INTEGER_MAX))]
    pub generation: Option<i64>,
    /// Value of annotation `sei.io/retry` when the plan was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<String>,
    /// When the plan was made.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::time")]
    pub created_at: Option<Time>,
    /// UID of the data volume claim that the tasks work on: what was done on another claim is not done. Plans of the
    /// Go controller have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim_uid: Option<String>,
    /// Sidecar image that the plan was created for. Plans of the Go controller have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sidecar_image: Option<String>,
    /// How often, in a row, a plan took the place of one whose current task needed a new id.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::optional_integer"
    )]
    #[schemars(range(min = 0, max = INTEGER_MAX))]
    pub reissues: Option<i64>,
}

/// Where a plan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PlanPhase {
    /// Has tasks to do.
    Active,
    /// All tasks are done.
    Complete,
    /// A task failed permanently.
    Failed,
    /// A word that this version does not know: a later one wrote it.
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
    /// UUID derived from the plan's id, the type and the index; also the sidecar's task id.
    pub id: String,
    /// Where the task is. A running task is Pending with `submittedAt`.
    pub status: TaskStatus,
    /// Parameters, frozen when the plan was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::any")]
    pub params: Option<Value>,
    /// When the current attempt was started.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::time")]
    pub submitted_at: Option<Time>,
    /// Last error, of an attempt or of the whole task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How often a failed attempt is repeated.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::optional_integer"
    )]
    #[schemars(range(min = 0, max = INTEGER_MAX))]
    pub max_retries: Option<i64>,
    /// How often it was.
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
    /// Since when the task waits for something outside of it, which `Ready` names.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::time")]
    pub waiting_since: Option<Time>,
    /// UID of the object that the task was done on: the claim, the Job or the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_uid: Option<String>,
}

/// Where a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TaskStatus {
    /// Not done; perhaps running.
    Pending,
    /// Done.
    Complete,
    /// Failed permanently.
    Failed,
    /// A word that this version does not know: a later one wrote it.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}

/// The task that failed a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailedTaskDetail {
    /// Task type.
    #[serde(rename = "type")]
    pub type_: String,
    /// Task id.
    pub id: String,
    /// The error.
    pub error: String,
    /// Attempts that were repeated.
    #[serde(deserialize_with = "lenient::integer")]
    #[schemars(range(min = 0, max = INTEGER_MAX))]
    pub retry_count: i64,
    /// Attempts that might have been.
    #[serde(deserialize_with = "lenient::integer")]
    #[schemars(range(min = 0, max = INTEGER_MAX))]
    pub max_retries: i64,
    /// Why no further attempt was made. Failures that the Go controller stored have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<FailureCause>,
    /// UID of the pod or bootstrap Job that it failed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_uid: Option<String>,
}

/// Why a task failed permanently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FailureCause {
    /// The last attempt failed too.
    AttemptsExhausted,
    /// No attempt could succeed.
    Rejected,
    /// The sidecar does not know the task.
    TaskUnknown,
    /// A word that this version does not know: a later one wrote it.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}
