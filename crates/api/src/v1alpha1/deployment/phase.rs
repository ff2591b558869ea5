//! The phase of a SeiNodeDeployment.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Phase of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DeploymentPhase {
    /// No SeiNode exists yet.
    Pending,
    /// SeiNodes are being created or started.
    Initializing,
    /// Every SeiNode is available and runs the template.
    Ready,
    /// A change of the template is being rolled out.
    Upgrading,
    /// Some SeiNodes are available, others have failed.
    Degraded,
    /// Every SeiNode has failed.
    Failed,
    /// Being deleted.
    Terminating,
    /// A value that this version does not know, written by a later version.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}

impl DeploymentPhase {
    /// Every phase that this version writes, for documentation and metrics.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Initializing,
        Self::Ready,
        Self::Upgrading,
        Self::Degraded,
        Self::Failed,
        Self::Terminating,
    ];

    /// The string in status.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Initializing => "Initializing",
            Self::Ready => "Ready",
            Self::Upgrading => "Upgrading",
            Self::Degraded => "Degraded",
            Self::Failed => "Failed",
            Self::Terminating => "Terminating",
            Self::Unknown => "Unknown",
        }
    }
}
