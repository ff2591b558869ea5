//! The four modes of a node; a spec sets exactly one.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{SnapshotGeneration, SnapshotSource, rules, schema};

/// Mode of a node, derived from which of the four mode objects is present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Follows the chain and serves queries.
    FullNode,
    /// Keeps all history; always syncs from genesis.
    Archive,
    /// Replays the chain from a snapshot.
    Replayer,
    /// Signs blocks.
    Validator,
}

impl Mode {
    /// The `sei.io/role` label.
    pub(crate) fn role(self) -> &'static str {
        match self {
            Self::FullNode => "node",
            Self::Archive => "archive",
            Self::Replayer => "replayer",
            Self::Validator => "validator",
        }
    }

    /// The configuration mode that `config-apply` sends to the sidecar.
    pub fn config_mode(self) -> &'static str {
        match self {
            Self::FullNode | Self::Replayer => "full",
            Self::Archive => "archive",
            Self::Validator => "validator",
        }
    }
}

/// A node that follows the chain.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::SNAPSHOT_PRESENCE)]
pub struct FullNodeSpec {
    /// Where the node's first state comes from. Absent: it syncs from genesis. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotSource>,
    /// Snapshots that the node creates for other nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_generation: Option<SnapshotGeneration>,
    /// A fixed height in later versions of sei-k8s-controller. No effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::kept")]
    pub freeze: Option<Value>,
}

/// A node that keeps all history. It has no snapshot source: archives sync from genesis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArchiveSpec {
    /// Snapshots that the node creates for other nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_generation: Option<SnapshotGeneration>,
    /// A fixed height in later versions of sei-k8s-controller. No effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::kept")]
    pub freeze: Option<Value>,
}

/// A node that replays the chain from an S3 snapshot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "has(self.snapshot.s3)",
    "a replayer starts from a snapshot archive: set replayer.snapshot.s3.targetHeight instead of stateSync",
))]
pub struct ReplayerSpec {
    /// The snapshot to start from; it must be `s3`.
    pub snapshot: SnapshotSource,
    /// Accepted for compatibility; no effect, since no task exports results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_export: Option<ResultExportConfig>,
}

/// Where a replayer's results would be compared. Without effect.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "has(self.shadowResult)",
    "resultExport requires shadowResult: set shadowResult.canonicalRpc, or remove resultExport",
))]
pub struct ResultExportConfig {
    /// Comparison with a canonical node; must be set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow_result: Option<ShadowResultConfig>,
}

/// The node that a replayer is compared with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShadowResultConfig {
    /// RPC endpoint of the canonical node.
    #[schemars(length(min = 1))]
    pub canonical_rpc: String,
}
