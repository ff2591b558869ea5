//! What a spec is used for, so that a mistake holds back only the tasks that need what is wrong.

use crate::TaskKind;

/// A part of the node that tasks build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The pod and the objects around it.
    Pod,
    /// The files of the Sei configuration.
    Configuration,
    /// The persistent peers.
    Peers,
    /// The first state: a snapshot, state sync, a bootstrap Job.
    State,
    /// The member's part in a genesis ceremony.
    Ceremony,
}

impl Part {
    /// Whether a task of this type reads this part of the spec.
    pub fn is_used_by(self, kind: TaskKind) -> bool {
        used_by(kind).contains(&self)
    }
}

fn used_by(kind: TaskKind) -> &'static [Part] {
    match kind {
        TaskKind::EnsureDataPvc
        | TaskKind::ValidateSigningKey
        | TaskKind::ValidateNodeKey
        | TaskKind::ValidateOperatorKeyring
        | TaskKind::ApplyRbacProxyConfig
        | TaskKind::ApplyStatefulSet
        | TaskKind::ApplyService
        | TaskKind::ReplacePod
        | TaskKind::ObserveImage => &[Part::Pod],
        TaskKind::DeployBootstrapService
        | TaskKind::DeployBootstrapJob
        | TaskKind::AwaitBootstrapComplete => &[Part::Pod, Part::State],
        TaskKind::SnapshotRestore | TaskKind::ConfigureStateSync => &[Part::State],
        TaskKind::ConfigApply => &[Part::Configuration],
        TaskKind::DiscoverPeers => &[Part::Peers],
        TaskKind::GenerateIdentity | TaskKind::GenerateGentx | TaskKind::UploadGenesisArtifacts => {
            &[Part::Ceremony]
        }
        TaskKind::TeardownBootstrap
        | TaskKind::ConfigureGenesis
        | TaskKind::ConfigValidate
        | TaskKind::SnapshotUpload
        | TaskKind::MarkReady
        | TaskKind::SetGenesisPeers => &[],
    }
}
