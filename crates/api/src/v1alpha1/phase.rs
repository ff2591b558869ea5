//! The phases of a node.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Phase of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum NodePhase {
    /// Waiting for what `Ready` names before a plan can be created.
    Pending,
    /// The first plan is in progress.
    Initializing,
    /// The first plan has completed; update plans run in this phase too.
    Running,
    /// The first plan failed. A change of the spec or annotation `sei.io/retry` starts a new one.
    Failed,
    /// Being deleted.
    Terminating,
    /// Written by a later Go controller for a node with `spec.paused`; read as the phase that the node had
    /// before.
    #[schemars(skip)]
    Paused,
    /// A value that this version does not know, written by a later version.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}

impl NodePhase {
    /// Every phase that this version writes, for documentation and metrics.
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Initializing, Self::Running, Self::Failed, Self::Terminating];

    /// The string in status.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Initializing => "Initializing",
            Self::Running => "Running",
            Self::Failed => "Failed",
            Self::Terminating => "Terminating",
            Self::Paused => "Paused",
            Self::Unknown => "Unknown",
        }
    }
}
