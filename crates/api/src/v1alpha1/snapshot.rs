//! Where a node's first state comes from, and the snapshots that it creates for other nodes.
//!
//! The source itself (`s3` with its height, or `stateSync`) is immutable. How it is accessed
//! (`bootstrapImage`, `rpcServers`, `trustPeriod`, `backfillBlocks`) stays mutable: these fields are only
//! used by the first plan, and correcting them is how a failed first plan is fixed.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{lenient, rules, schema::INTEGER_MAX};

/// The form of an RPC server that the sidecar accepts.
const RPC_SERVER: &str = r"^[^\s:/,]+:[0-9]{1,5}$";

/// Source of the first state; exactly one of `s3` and `stateSync` is set. Which one, and the height of `s3`,
/// is immutable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = (
        "(has(self.s3) ? 1 : 0) + (has(self.stateSync) ? 1 : 0) == 1",
        "exactly one of s3 or stateSync must be set",
    ),
    // With exactly one of the two set, this rule covers stateSync as well.
    validation = (
        "has(self.s3) ? (has(oldSelf.s3) && self.s3 == oldSelf.s3) : !has(oldSelf.s3)",
        "the snapshot source (s3 with its targetHeight, or stateSync) is immutable; delete and \
         recreate the SeiNode to start from another one",
    ),
    validation = (
        "!has(self.bootstrapImage) || self.bootstrapImage == '' || has(self.s3)",
        "bootstrapImage requires s3: set s3.targetHeight, or remove bootstrapImage",
    )
)]
pub struct SnapshotSource {
    /// A snapshot archive from the platform's bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3: Option<S3Snapshot>,
    /// Tendermint state sync from peers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_sync: Option<StateSync>,
    /// RPC servers of the chain, as `host:port`, which provide the trusted block of state sync; each should
    /// belong to a different node. Without them the first two peers are queried on port 26657. Sidecars
    /// before v0.0.55 always query the peers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 16), inner(regex(pattern = RPC_SERVER), length(max = 260)), extend("x-kubernetes-list-type" = "set"))]
    pub rpc_servers: Option<Vec<String>>,
    /// Trust period of state sync, such as `168h0m0s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = (
        "self == '' || self.matches('^([0-9]+([.][0-9]+)?(h|m|s|ms|us|ns))+$')",
        "trustPeriod must be a duration such as 168h0m0s: numbers, each with a unit of h, m, s, ms, us or ns",
    ))]
    pub trust_period: Option<String>,
    /// Blocks to backfill after state sync; 0 is the same as absent.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::optional_integer"
    )]
    #[schemars(range(min = 0, max = INTEGER_MAX))]
    pub backfill_blocks: Option<i64>,
    /// seid image of a one-shot bootstrap Job that runs up to `s3.targetHeight` before the node starts. Requires
    /// `s3`; used by the first plan only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    #[x_kube(validation = rules::optional_image("bootstrapImage"))]
    pub bootstrap_image: Option<String>,
}

/// A snapshot archive in the platform's bucket.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct S3Snapshot {
    /// Highest acceptable snapshot height, and the halt height of a bootstrap Job.
    #[serde(deserialize_with = "lenient::integer")]
    #[schemars(range(min = 1, max = INTEGER_MAX))]
    pub target_height: i64,
}

/// Tendermint state sync; it has no settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StateSync {}

/// Snapshots that a node creates.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "has(self.tendermint)",
    "snapshotGeneration requires tendermint: set tendermint.keepRecent, or remove snapshotGeneration",
))]
pub struct SnapshotGeneration {
    /// Tendermint state-sync snapshots; must be set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tendermint: Option<TendermintSnapshotGeneration>,
}

/// Tendermint state-sync snapshots on disk, and whether they are uploaded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "!has(self.publish) || self.keepRecent >= 2",
    "publish requires keepRecent to be at least 2, so that a snapshot is not pruned during its upload",
))]
pub struct TendermintSnapshotGeneration {
    /// Number of snapshots kept on disk; at least 2 if they are published.
    #[serde(deserialize_with = "lenient::integer")]
    #[schemars(with = "i32", range(min = 1, max = 2_147_483_647))]
    pub keep_recent: i64,
    /// If present, the sidecar uploads snapshots to the platform's bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish: Option<Publish>,
}

/// Upload of snapshots; it has no settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Publish {}
