//! Where a node's first state comes from, and the snapshots it makes for others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Source of the first state; exactly one of `s3` and `stateSync` is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotSource {
    /// A snapshot archive from the platform's bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3: Option<S3Snapshot>,
    /// Tendermint state sync from peers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_sync: Option<StateSync>,
    /// Trust period of state sync, passed on as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust_period: Option<String>,
    /// Blocks to fetch backwards after state sync, passed on when positive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backfill_blocks: Option<i64>,
    /// seid image of a one-shot bootstrap Job that runs up to `s3.targetHeight` before the node starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bootstrap_image: Option<String>,
}

impl SnapshotSource {
    /// Height at which a bootstrap Job would halt, if this source asks for one.
    pub fn bootstrap(&self) -> Option<(&str, i64)> {
        let image = self.bootstrap_image.as_deref().filter(|image| !image.is_empty())?;
        let height = self.s3.as_ref()?.target_height;
        (height > 0).then_some((image, height))
    }
}

/// A snapshot archive in the platform's bucket.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct S3Snapshot {
    /// Highest acceptable snapshot height, and the halt height of a bootstrap Job.
    #[schemars(range(min = 1))]
    pub target_height: i64,
}

/// Tendermint state sync; it has no settings of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StateSync {}

/// Snapshots that a node makes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotGeneration {
    /// Tendermint state-sync snapshots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tendermint: Option<TendermintSnapshotGeneration>,
}

/// Tendermint state-sync snapshots on disk, and whether they are uploaded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TendermintSnapshotGeneration {
    /// Snapshots kept on disk; at least 2 where they are published.
    #[schemars(range(min = 1))]
    pub keep_recent: i32,
    /// Present: the sidecar uploads snapshots to the platform's bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish: Option<Publish>,
}

/// Uploading of snapshots; it has no settings of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Publish {}
