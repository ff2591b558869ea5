//! The phases of a node.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a node is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum NodePhase {
    /// Seen, and waiting for what `Ready` names before a plan can be made.
    Pending,
    /// The first plan is under way.
    Initializing,
    /// The node was brought up; update plans run in this phase too.
    Running,
    /// The first plan failed. A change of the spec or annotation `sei.io/retry` makes a new one.
    Failed,
    /// Being deleted.
    Terminating,
    /// A later Go controller wrote it for a node with `spec.paused`; read as the phase that the node was in before.
    #[schemars(skip)]
    Paused,
    /// A word that this version does not know: a later one wrote it.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}

impl NodePhase {
    /// Every phase that this version writes, for documentation and metrics.
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Initializing, Self::Running, Self::Failed, Self::Terminating];

    /// As it stands in status.
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
