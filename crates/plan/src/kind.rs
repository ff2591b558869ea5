//! Task types by their wire names: they are stored in status and read by people. What each does, what it waits for
//! and how it fails is said here; `docs/plans.md` is made from it.

use sei_api::v1alpha1::PlannedTask;

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

            /// What it does, what it waits for and how it fails, a paragraph each, for the reference page.
            pub fn describe(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc, "\n"),+),)+ }
            }
        }
    };
}

kinds! {
    /// Makes the data volume claim `data-<name>`, or checks the claim that `spec.dataVolume.import` names.
    ///
    /// Waits for an imported claim to exist, be bound and say its capacity.
    ///
    /// Fails when the claim of that name belongs to somebody else, or when an imported one is lost, cannot be
    /// written by one pod, or is smaller than the platform's size for the mode.
    EnsureDataPvc = "ensure-data-pvc",
    /// Checks that the Secret of `validator.signingKey` holds a Tendermint validator key.
    ///
    /// Waits for a Secret that is missing, unreadable or being deleted.
    ///
    /// Fails when its `priv_validator_key.json` lacks a field.
    ValidateSigningKey = "validate-signing-key",
    /// Checks that the Secret of `validator.nodeKey` holds a Tendermint node key.
    ///
    /// Waits for a Secret that is missing, unreadable or being deleted.
    ///
    /// Fails when its `node_key.json` lacks a field.
    ValidateNodeKey = "validate-node-key",
    /// Checks that the Secrets of `validator.operatorKeyring` hold a keyring directory and its passphrase. The
    /// keyring is not decrypted.
    ///
    /// Waits for a Secret that is missing, unreadable or being deleted.
    ///
    /// Fails when a file of the keyring, the named key or the passphrase is missing or empty.
    ValidateOperatorKeyring = "validate-operator-keyring",
    /// Applies the ConfigMap of kube-rbac-proxy.
    ///
    /// Waits while the API server refuses the write for a reason that may pass.
    ///
    /// Fails when a ConfigMap of that name belongs to somebody else, or the API server calls ours invalid.
    ApplyRbacProxyConfig = "apply-rbac-proxy-config",
    /// Applies the StatefulSet as the spec is now. A pod that runs stays as it is.
    ///
    /// Waits while the API server refuses the write for a reason that may pass.
    ///
    /// Fails when a StatefulSet of that name belongs to somebody else, or the API server calls ours invalid.
    ApplyStatefulSet = "apply-statefulset",
    /// Applies the headless Service.
    ///
    /// Waits while the API server refuses the write for a reason that may pass.
    ///
    /// Fails when a Service of that name belongs to somebody else, or the API server calls ours invalid.
    ApplyService = "apply-service",
    /// Deletes pods of older templates.
    ///
    /// Waits until they are gone.
    ReplacePod = "replace-pod",
    /// Looks for the pod of the current template.
    ///
    /// Waits until it runs the wanted image.
    ObserveImage = "observe-image",
    /// Makes the Service that gives the bootstrap pod the node's DNS name.
    ///
    /// Waits while the API server refuses the write for a reason that may pass.
    ///
    /// Fails when a Service of that name belongs to somebody else.
    DeployBootstrapService = "deploy-bootstrap-service",
    /// Makes the bootstrap Job, which runs `bootstrapImage` up to the snapshot's target height.
    ///
    /// Waits until a Job before it, which failed or ran another image, is gone.
    ///
    /// Fails when a Job of that name belongs to somebody else, or the API server calls ours invalid.
    DeployBootstrapJob = "deploy-bootstrap-job",
    /// Looks at the bootstrap Job. One that was lost is made again.
    ///
    /// Waits until it has completed, which takes as long as seid needs to the target height.
    ///
    /// Fails when the Job failed, with its message.
    AwaitBootstrapComplete = "await-bootstrap-complete",
    /// Deletes the bootstrap Job and its Service: the node's pod takes over their volume and name.
    ///
    /// Waits until Job, Service and pod are gone.
    TeardownBootstrap = "teardown-bootstrap",
    /// Downloads the highest snapshot up to the target height from the snapshot bucket and unpacks it. A volume on
    /// which this was done is left alone.
    ///
    /// Fails when there is no such snapshot, or it cannot be downloaded or unpacked.
    SnapshotRestore = "snapshot-restore",
    /// Writes `genesis.json`: from the sidecar itself for pacific-1, atlantic-2 and arctic-1, else from
    /// `<chainId>/genesis.json` in the genesis bucket.
    ///
    /// Waits, in a genesis ceremony, for that object, if the operator can look into the bucket.
    ///
    /// Fails when the object does not exist or cannot be downloaded.
    ConfigureGenesis = "configure-genesis",
    /// Writes `config.toml` and `app.toml` anew: the mode's defaults and `spec.overrides`.
    ///
    /// Fails when an override is none of the configuration's, or the sidecar finds the result invalid.
    ConfigApply = "config-apply",
    /// Finds the peers of `spec.peers` and writes them as persistent peers.
    ///
    /// Waits for a SeiNode that a label selector matches, when there is no other source.
    ///
    /// Fails when no peer of a source can be reached, and at once when the sidecar is v0.0.57 or later, which has
    /// no such task.
    DiscoverPeers = "discover-peers",
    /// Writes the state-sync section, with a trusted height and hash from the first peers.
    ///
    /// Fails when there are no persistent peers, or none of them answers.
    ConfigureStateSync = "configure-state-sync",
    /// Checks the configuration on disk.
    ///
    /// Fails when it is invalid, with the sidecar's list of what is wrong.
    ConfigValidate = "config-validate",
    /// Has snapshots uploaded for as long as the sidecar runs. It is done as soon as it runs.
    SnapshotUpload = "snapshot-upload",
    /// Lets seid start.
    ///
    /// Waits until the sidecar itself says that it is ready, and after an update until the pod is. A sidecar that
    /// restarted meanwhile is sent it again under a new id.
    MarkReady = "mark-ready",
    /// Makes node key, validator key and first configuration of a member of a ceremony.
    ///
    /// Fails when they cannot be written.
    GenerateIdentity = "generate-identity",
    /// Makes the member's account and signed genesis transaction.
    ///
    /// Fails when it was interrupted half-way: account and key exist then, and the volume has to be made anew.
    GenerateGentx = "generate-gentx",
    /// Uploads `gentx.json` and `identity.json` to the genesis bucket under `<chainId>/<name>/`.
    ///
    /// Waits until both are there, if the operator can look into the bucket.
    ///
    /// Fails when the bucket refuses them.
    UploadGenesisArtifacts = "upload-genesis-artifacts",
    /// Writes the group's peers, without the node itself, from `<chainId>/peers.json` in the genesis bucket.
    ///
    /// Waits for that object, if the operator can look into the bucket.
    ///
    /// Fails when the object does not exist or cannot be downloaded.
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
    pub fn max_retries(self) -> Option<i64> {
        match self {
            Self::ConfigureGenesis => Some(180),
            Self::DiscoverPeers => Some(20),
            Self::ReplacePod => Some(3),
            kind => kind.runs_in_sidecar().then_some(5),
        }
    }
}

/// The type of a stored task.
pub trait OfKind {
    /// Its type; `None` for one of another version.
    fn kind(&self) -> Option<TaskKind>;

    /// Whether it is of type `kind`.
    fn is(&self, kind: TaskKind) -> bool {
        self.kind() == Some(kind)
    }
}

impl OfKind for PlannedTask {
    fn kind(&self) -> Option<TaskKind> {
        TaskKind::from_wire(&self.type_)
    }
}
