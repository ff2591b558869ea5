//! Task types by their wire names: they are stored in status and read by users. The documentation describes what each
//! does, what it waits for and how it fails; `docs/plans.md` is generated from it.

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

            /// The wire name, as stored and sent.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $wire,)+ }
            }

            /// What it does, what it waits for and how it fails, one paragraph each, for the reference page.
            pub fn describe(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc, "\n"),+),)+ }
            }
        }
    };
}

kinds! {
    /// Creates the data volume claim `data-<name>`, or checks the claim that `spec.dataVolume.import` names.
    ///
    /// Waits for an imported claim to exist, to be bound and to report its capacity.
    ///
    /// Fails when the claim has another owner, or when an imported claim has lost its volume, has no access mode for
    /// one writing pod, or is smaller than the platform's size for the mode.
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
    /// Waits while the API server rejects the write for a reason that may be temporary.
    ///
    /// Fails when a ConfigMap of that name has another owner, or the API server rejects the object as invalid.
    ApplyRbacProxyConfig = "apply-rbac-proxy-config",
    /// Applies the StatefulSet for the current spec. It does not restart a running pod.
    ///
    /// Waits while the API server rejects the write for a reason that may be temporary.
    ///
    /// Fails when a StatefulSet of that name has another owner, or the API server rejects the object as invalid.
    ApplyStatefulSet = "apply-statefulset",
    /// Applies the headless Service.
    ///
    /// Waits while the API server rejects the write for a reason that may be temporary.
    ///
    /// Fails when a Service of that name has another owner, or the API server rejects the object as invalid.
    ApplyService = "apply-service",
    /// Deletes pods of older StatefulSet revisions, and the pod whose seid runs with a configuration that has changed.
    ///
    /// Waits until they are gone.
    ReplacePod = "replace-pod",
    /// Observes the pod of the current StatefulSet revision.
    ///
    /// Waits until seid runs in it with the requested image.
    ObserveImage = "observe-image",
    /// Creates the Service that gives the bootstrap pod the node's DNS name.
    ///
    /// Waits while the API server rejects the write for a reason that may be temporary.
    ///
    /// Fails when a Service of that name has another owner.
    DeployBootstrapService = "deploy-bootstrap-service",
    /// Creates the bootstrap Job, which runs `bootstrapImage` up to the snapshot's target height.
    ///
    /// Waits until an earlier Job that failed, ran another image or completed on another volume is gone, and until the
    /// pod of a StatefulSet is gone, which it scales to zero.
    ///
    /// Fails when a Job of that name has another owner, or the API server rejects the object as invalid.
    DeployBootstrapJob = "deploy-bootstrap-job",
    /// Observes the bootstrap Job, and recreates a Job that was deleted. A sidecar that restarts meanwhile gets another
    /// `mark-ready`.
    ///
    /// Waits until it completes, which takes as long as seid needs to reach the target height.
    ///
    /// Fails with the Job's message when the Job fails.
    AwaitBootstrapComplete = "await-bootstrap-complete",
    /// Deletes the bootstrap Job and its Service, whose volume and DNS name the node's pod needs.
    ///
    /// Waits until Job, Service and pod are gone.
    TeardownBootstrap = "teardown-bootstrap",
    /// Downloads the highest snapshot up to the target height from the snapshot bucket and extracts it. It
    /// does nothing on a volume that was already restored.
    ///
    /// Fails when there is no such snapshot, or it cannot be downloaded or extracted.
    SnapshotRestore = "snapshot-restore",
    /// Writes `genesis.json`: the copy built into the sidecar for pacific-1, atlantic-2 and arctic-1, else
    /// `<chainId>/genesis.json` from the genesis bucket.
    ///
    /// Waits, in a genesis ceremony, for that object, if the operator can list the bucket.
    ///
    /// Fails when the object does not exist or cannot be downloaded.
    ConfigureGenesis = "configure-genesis",
    /// Writes `config.toml` and `app.toml` from the mode's defaults, the persistent peers that `spec.peers`
    /// finds, and `spec.overrides`, which take precedence.
    ///
    /// Waits for the node IDs of peers that `spec.peers[].label` selects and whose sidecar has never
    /// responded: up to 30 s, and up to 5 min while there is no peer at all.
    ///
    /// Fails when an override is not a key of the configuration, or the sidecar reports the result as
    /// invalid.
    ConfigApply = "config-apply",
    /// Finds the EC2 instances of `spec.peers[].ec2Tags` and writes them with all other peers as persistent peers. It is
    /// skipped with a sidecar of v0.0.57 or later, which does not support it.
    ///
    /// Fails when no instance is found.
    DiscoverPeers = "discover-peers",
    /// Writes the state-sync section, with a trusted height and hash from the servers in `snapshot.rpcServers`, else from
    /// the first two persistent peers on port 26657. It comes before seid runs, so a node never syncs from genesis instead.
    ///
    /// Fails when none of them responds.
    ConfigureStateSync = "configure-state-sync",
    /// Validates the configuration on disk.
    ///
    /// Fails with the sidecar's list of errors when it is invalid.
    ConfigValidate = "config-validate",
    /// Starts the upload of snapshots, which continues as long as the sidecar runs. The task completes once the upload
    /// is running.
    SnapshotUpload = "snapshot-upload",
    /// Allows seid to start.
    ///
    /// Waits until the sidecar reports ready, and after an update until the pod is ready. If the sidecar
    /// restarts meanwhile, the task is submitted again with a new ID.
    MarkReady = "mark-ready",
    /// Creates the node key, validator key and first configuration of a ceremony member.
    ///
    /// Fails when they cannot be written.
    GenerateIdentity = "generate-identity",
    /// Creates the member's account and its signed genesis transaction.
    ///
    /// Fails when an earlier attempt was interrupted: account and key then already exist, and the volume must be
    /// recreated.
    GenerateGentx = "generate-gentx",
    /// Uploads `gentx.json` and `identity.json` to the genesis bucket under `<chainId>/<name>/`.
    ///
    /// Waits until both objects exist, if the operator can list the bucket.
    ///
    /// Fails when the upload is rejected.
    UploadGenesisArtifacts = "upload-genesis-artifacts",
    /// Writes the group's peers, without the node itself, from `<chainId>/peers.json` in the genesis bucket.
    ///
    /// Waits for that object, if the operator can list the bucket.
    ///
    /// Fails when the object does not exist or cannot be downloaded.
    SetGenesisPeers = "set-genesis-peers",
}

impl TaskKind {
    /// The type with this wire name.
    pub fn from_wire(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }
}

/// The type of a stored task.
pub trait OfKind {
    /// Its type; `None` if it is unknown to this version.
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
