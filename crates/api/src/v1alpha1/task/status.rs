//! The status of a SeiNodeTask.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    task_conditions::ConditionType,
    v1alpha1::{
        lenient,
        schema::{self, INTEGER_MAX},
    },
};

/// Observed state of a SeiNodeTask; written only by the operator.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeiNodeTaskStatus {
    /// Generation of the spec that this status describes; -1 until the operator has seen the object.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::optional_integer"
    )]
    #[schemars(range(min = -1, max = INTEGER_MAX))]
    pub observed_generation: Option<i64>,
    /// Phase of the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<NodeTaskPhase>,
    /// The operation, by its field in the spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// ID of the sidecar task, derived from the UID of the SeiNodeTask. It is stored before the task is submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// UID of the SeiNode that the task was started on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_uid: Option<String>,
    /// When the task started on its node. It is not submitted before that.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::time")]
    pub start_time: Option<Time>,
    /// When the task was first observed in the sidecar. It is not submitted after that.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::time")]
    pub submission_time: Option<Time>,
    /// When the task completed or failed.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::time")]
    pub completion_time: Option<Time>,
    /// Result of the operation, if the sidecar reports one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<NodeTaskResult>,
    /// Why the task failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Conditions; `Ready` is True once the task is complete.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::readable_items")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Option<Vec<Condition>>,
}

impl SeiNodeTaskStatus {
    /// The condition of type `kind`, if it is set.
    pub fn condition(&self, kind: ConditionType) -> Option<&Condition> {
        self.conditions.iter().flatten().find(|condition| condition.type_ == kind.as_str())
    }
}

/// Phase of a SeiNodeTask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum NodeTaskPhase {
    /// Waiting for its node; nothing has been submitted.
    Pending,
    /// It has started: no plan runs on its node, and the sidecar is running the operation or is about to.
    Running,
    /// The operation is complete.
    Complete,
    /// It was not started in time, or failed. It is not retried.
    Failed,
    /// A value that this version does not know, written by a later version.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}

impl NodeTaskPhase {
    /// Every phase that this version writes, for documentation and metrics.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Running, Self::Complete, Self::Failed];

    /// The string in status.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Complete => "Complete",
            Self::Failed => "Failed",
            Self::Unknown => "Unknown",
        }
    }

    /// Whether nothing is left to do.
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Complete | Self::Failed)
    }
}

/// What an operation resulted in, as reported by the sidecar.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeTaskResult {
    /// For an upload: `uploaded`, or `noop` with the reason. For a transaction: how it was included in a block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Height of the uploaded snapshot, or of the block with the transaction.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::optional_integer"
    )]
    #[schemars(range(min = 0, max = INTEGER_MAX))]
    pub height: Option<i64>,
    /// Key of the uploaded snapshot in its bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Hash of the transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tx_hash: Option<String>,
    /// Number of the proposal.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::optional_integer"
    )]
    #[schemars(range(min = 0, max = INTEGER_MAX))]
    pub proposal_id: Option<i64>,
}
