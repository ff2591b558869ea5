//! Properties of each task type, in one table.

use sei_node::Part;

use crate::TaskKind;

/// Properties of a task type.
struct Properties {
    runs_in: RunsIn,
    /// The parts of the spec that it uses.
    uses: &'static [Part],
}

/// Where a task runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RunsIn {
    /// In the sidecar, which reports the state of the task with this ID.
    Sidecar,
    /// In the operator; repeating it has no effect.
    Repeatable,
    /// In the operator; the object that it acted on can no longer be determined afterwards.
    Once,
}

impl TaskKind {
    fn properties(self) -> Properties {
        let (runs_in, uses): (_, &[Part]) = match self {
            Self::EnsureDataPvc
            | Self::ValidateSigningKey
            | Self::ValidateNodeKey
            | Self::ValidateOperatorKeyring
            | Self::ApplyRbacProxyConfig
            | Self::ApplyStatefulSet
            | Self::ApplyService => (RunsIn::Repeatable, &[Part::Pod]),
            Self::ReplacePod | Self::ObserveImage => (RunsIn::Once, &[Part::Pod]),
            Self::DeployBootstrapService => (RunsIn::Repeatable, &[Part::Pod, Part::State]),
            Self::DeployBootstrapJob | Self::AwaitBootstrapComplete => {
                (RunsIn::Once, &[Part::Pod, Part::State])
            }
            Self::TeardownBootstrap => (RunsIn::Once, &[]),
            Self::SnapshotRestore | Self::ConfigureStateSync => (RunsIn::Sidecar, &[Part::State]),
            Self::ConfigApply => (RunsIn::Sidecar, &[Part::Configuration, Part::Peers]),
            Self::DiscoverPeers => (RunsIn::Sidecar, &[Part::Peers]),
            Self::GenerateIdentity | Self::GenerateGentx | Self::UploadGenesisArtifacts => {
                (RunsIn::Sidecar, &[Part::Ceremony])
            }
            Self::ConfigureGenesis
            | Self::ConfigValidate
            | Self::SnapshotUpload
            | Self::MarkReady
            | Self::SetGenesisPeers => (RunsIn::Sidecar, &[]),
        };
        Properties { runs_in, uses }
    }

    /// Whether the sidecar runs it, with the task's ID.
    pub fn runs_in_sidecar(self) -> bool {
        self.properties().runs_in == RunsIn::Sidecar
    }

    /// Whether a process that takes over can recover its state although it is not stored: the sidecar reports it, or
    /// repeating the step has no effect.
    pub fn is_recoverable(self) -> bool {
        self.properties().runs_in != RunsIn::Once
    }

    /// Whether it uses this part of the spec. A mistake in a spec blocks only the tasks that use the invalid
    /// part.
    pub fn uses(self, part: Part) -> bool {
        self.properties().uses.contains(&part)
    }

    /// Whether every plan repeats it: it writes or checks the spec, which may have changed, or its effect
    /// ends with the sidecar's process. All of these can be repeated safely.
    pub(crate) fn is_reasserted(self) -> bool {
        matches!(self, Self::SnapshotUpload | Self::MarkReady)
            || (self.uses(Part::Pod) && self != Self::AwaitBootstrapComplete)
    }

    /// Maximum number of retries. Waiting for the genesis of a group or for starting peers depends on other nodes.
    pub fn max_retries(self) -> Option<i64> {
        match self {
            Self::ConfigureGenesis => Some(180),
            Self::DiscoverPeers => Some(20),
            Self::ReplacePod => Some(3),
            kind => kind.runs_in_sidecar().then_some(5),
        }
    }
}
