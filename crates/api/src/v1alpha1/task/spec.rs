//! `SeiNodeTask` and its spec.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{GovernanceVote, SeiNodeTaskStatus, SoftwareUpgradeProposal, rules};
use crate::v1alpha1::{NodePhase, lenient};

/// One operation on one SeiNode. It is run once, and never changed.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "sei.io",
    version = "v1alpha1",
    kind = "SeiNodeTask",
    plural = "seinodetasks",
    singular = "seinodetask",
    shortname = "sntask",
    category = "sei",
    namespaced,
    status = "SeiNodeTaskStatus",
    doc = "One operation on one SeiNode, such as a restart of seid. The operator runs it once, when no plan is in progress on the node, and reports the result in `status`.",
    validation = rules::spec(),
    printcolumn(name = "Node", type_ = "string", json_path = ".spec.nodeRef.name"),
    printcolumn(name = "Operation", type_ = "string", json_path = ".status.operation"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        priority = 1
    ),
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = rules::ONE_OPERATION,
    validation = rules::READY_NEEDS_RUNNING,
    validation = rules::IMMUTABLE
)]
pub struct SeiNodeTaskSpec {
    /// The SeiNode, in the same namespace. It does not have to exist yet.
    pub node_ref: NodeReference,
    /// Phase that the SeiNode must be in. The task waits for it.
    #[serde(default)]
    pub require_phase: RequiredPhase,
    /// How long the task waits to start, from its creation: for the SeiNode to exist, to be in `requirePhase`, and to be
    /// free of plans, pauses and other tasks. It fails after that.
    #[serde(default = "start_timeout", deserialize_with = "lenient::integer")]
    #[schemars(with = "i32", range(min = 1, max = 604_800))]
    pub start_timeout_seconds: i64,
    /// How long the operation may take once it has started. The task fails after that; what the sidecar is running is not
    /// cancelled. Absent: 900, for `snapshotUpload` 9000.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::optional_integer"
    )]
    #[schemars(with = "Option<i32>", range(min = 1, max = 604_800))]
    pub timeout_seconds: Option<i64>,
    /// How long a finished SeiNodeTask is kept before it is deleted. Absent: it is not deleted.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::optional_integer"
    )]
    #[schemars(with = "Option<i32>", range(min = 0, max = 31_536_000))]
    pub ttl_seconds_after_finished: Option<i64>,
    /// `{}` restarts only seid; the pod and the sidecar keep running. Requires a sidecar of v0.0.56 or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_seid: Option<RestartSeid>,
    /// `{}` lets seid start, even if a `mark-not-ready` task of another client holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark_ready: Option<MarkReady>,
    /// `{}` uploads the newest complete snapshot once. Requires a sidecar of v0.0.66 or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_upload: Option<SnapshotUpload>,
    /// Votes on a proposal with the operator keyring of the node. Requires a sidecar of v0.0.64 or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub governance_vote: Option<GovernanceVote>,
    /// Proposes a software upgrade with the operator keyring of the node. Requires a sidecar of v0.0.64 or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software_upgrade_proposal: Option<SoftwareUpgradeProposal>,
}

fn start_timeout() -> i64 {
    3_600
}

/// A SeiNode by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = rules::node_name())]
pub struct NodeReference {
    /// Name of the SeiNode.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// The phases in which a node can be operated on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RequiredPhase {
    /// The first plan has completed.
    #[default]
    Running,
    /// The first plan has failed.
    Failed,
}

impl RequiredPhase {
    /// The phase of a SeiNode with the same name.
    pub fn of_node(self) -> NodePhase {
        match self {
            Self::Running => NodePhase::Running,
            Self::Failed => NodePhase::Failed,
        }
    }
}

/// A restart of seid. It has no fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RestartSeid {}

/// A mark-ready. It has no fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MarkReady {}

/// An upload of a snapshot. It has no fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotUpload {}
