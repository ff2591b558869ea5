//! Task types by their wire names: they are stored in status and read by people.

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $wire:literal,)+) => {
        /// Type of a task.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum TaskKind {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl TaskKind {
            /// Every type that can appear in a plan of a SeiNode.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// As it is stored and sent.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $wire,)+ }
            }
        }
    };
}

kinds! {
    /// Makes the data volume claim, or checks the imported one.
    EnsureDataPvc = "ensure-data-pvc",
    /// Checks the signing key's Secret.
    ValidateSigningKey = "validate-signing-key",
    /// Checks the node key's Secret.
    ValidateNodeKey = "validate-node-key",
    /// Checks the keyring's Secrets.
    ValidateOperatorKeyring = "validate-operator-keyring",
    /// Applies the configuration of kube-rbac-proxy.
    ApplyRbacProxyConfig = "apply-rbac-proxy-config",
    /// Applies the StatefulSet.
    ApplyStatefulSet = "apply-statefulset",
    /// Applies the headless Service.
    ApplyService = "apply-service",
    /// Deletes pods of older templates.
    ReplacePod = "replace-pod",
    /// Waits until the pod of the current template runs.
    ObserveImage = "observe-image",
    /// Makes the Service of the bootstrap pod.
    DeployBootstrapService = "deploy-bootstrap-service",
    /// Makes the bootstrap Job.
    DeployBootstrapJob = "deploy-bootstrap-job",
    /// Waits until the bootstrap Job has completed.
    AwaitBootstrapComplete = "await-bootstrap-complete",
    /// Deletes the bootstrap Job and Service, and waits until they are gone.
    TeardownBootstrap = "teardown-bootstrap",
    /// Downloads and unpacks a snapshot.
    SnapshotRestore = "snapshot-restore",
    /// Writes `genesis.json`.
    ConfigureGenesis = "configure-genesis",
    /// Writes the configuration files.
    ConfigApply = "config-apply",
    /// Writes the persistent peers.
    DiscoverPeers = "discover-peers",
    /// Writes the state-sync section.
    ConfigureStateSync = "configure-state-sync",
    /// Checks the configuration on disk.
    ConfigValidate = "config-validate",
    /// Uploads snapshots for as long as the sidecar runs.
    SnapshotUpload = "snapshot-upload",
    /// Lets seid start.
    MarkReady = "mark-ready",
    /// Makes node key, validator key and configuration of a ceremony.
    GenerateIdentity = "generate-identity",
    /// Makes the signed genesis transaction.
    GenerateGentx = "generate-gentx",
    /// Uploads what the group needs.
    UploadGenesisArtifacts = "upload-genesis-artifacts",
    /// Writes the group's peers.
    SetGenesisPeers = "set-genesis-peers",
}

impl TaskKind {
    /// The type with this wire name.
    pub fn from_wire(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }

    /// Whether the sidecar does it, under the task's id.
    pub fn runs_in_sidecar(self) -> bool {
        match self {
            Self::SnapshotRestore
            | Self::ConfigureGenesis
            | Self::ConfigApply
            | Self::DiscoverPeers
            | Self::ConfigureStateSync
            | Self::ConfigValidate
            | Self::SnapshotUpload
            | Self::MarkReady
            | Self::GenerateIdentity
            | Self::GenerateGentx
            | Self::UploadGenesisArtifacts
            | Self::SetGenesisPeers => true,
            Self::EnsureDataPvc
            | Self::ValidateSigningKey
            | Self::ValidateNodeKey
            | Self::ValidateOperatorKeyring
            | Self::ApplyRbacProxyConfig
            | Self::ApplyStatefulSet
            | Self::ApplyService
            | Self::ReplacePod
            | Self::ObserveImage
            | Self::DeployBootstrapService
            | Self::DeployBootstrapJob
            | Self::AwaitBootstrapComplete
            | Self::TeardownBootstrap => false,
        }
    }

    /// How often a failed attempt is repeated. The genesis of a group and peers that come up take others' time.
    pub(crate) fn max_retries(self) -> Option<i64> {
        match self {
            Self::ConfigureGenesis => Some(180),
            Self::DiscoverPeers => Some(20),
            Self::ReplacePod => Some(3),
            kind => kind.runs_in_sidecar().then_some(5),
        }
    }
}
