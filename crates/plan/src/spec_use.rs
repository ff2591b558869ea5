//! What tasks take from a spec: a mistake in it holds back only the tasks that use what is wrong.

use sei_node::Part;

use crate::TaskKind;

impl TaskKind {
    /// Whether a task of this type uses this part of the spec.
    pub fn uses(self, part: Part) -> bool {
        self.parts().contains(&part)
    }

    /// Whether every plan does it again: it writes or checks what the spec says, which may have changed, or its effect
    /// ends with the sidecar's process. All of these can be repeated without harm.
    pub(crate) fn is_reasserted(self) -> bool {
        matches!(self, Self::SnapshotUpload | Self::MarkReady)
            || (self.uses(Part::Pod) && self != Self::AwaitBootstrapComplete)
    }

    fn parts(self) -> &'static [Part] {
        match self {
            Self::EnsureDataPvc
            | Self::ValidateSigningKey
            | Self::ValidateNodeKey
            | Self::ValidateOperatorKeyring
            | Self::ApplyRbacProxyConfig
            | Self::ApplyStatefulSet
            | Self::ApplyService
            | Self::ReplacePod
            | Self::ObserveImage => &[Part::Pod],
            Self::DeployBootstrapService | Self::DeployBootstrapJob | Self::AwaitBootstrapComplete => {
                &[Part::Pod, Part::State]
            }
            Self::SnapshotRestore | Self::ConfigureStateSync => &[Part::State],
            Self::ConfigApply => &[Part::Configuration],
            Self::DiscoverPeers => &[Part::Peers],
            Self::GenerateIdentity | Self::GenerateGentx | Self::UploadGenesisArtifacts => &[Part::Ceremony],
            Self::TeardownBootstrap
            | Self::ConfigureGenesis
            | Self::ConfigValidate
            | Self::SnapshotUpload
            | Self::MarkReady
            | Self::SetGenesisPeers => &[],
        }
    }
}
