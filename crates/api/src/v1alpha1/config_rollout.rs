//! When a changed configuration takes effect.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When a changed configuration is applied to a Running node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConfigRollout {
    /// With the next update of the image.
    #[default]
    WithImage,
    /// By an update that starts immediately and restarts the pod.
    Immediate,
    /// A value that this version does not know; it restarts nothing.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}

impl ConfigRollout {
    /// The values of this version.
    pub const ALL: [Self; 2] = [Self::WithImage, Self::Immediate];

    /// The value in a spec.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WithImage => "WithImage",
            Self::Immediate => "Immediate",
            Self::Unknown => "Unknown",
        }
    }
}
