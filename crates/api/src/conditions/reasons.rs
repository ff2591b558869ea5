//! The reasons of each condition: one enum per condition, so that a condition cannot have a reason of another
//! one.

use super::ConditionType;
use crate::vocabulary::vocabulary;

macro_rules! reasons {
    ($($(#[$meta:meta])* $condition:ident: $name:ident { $($entries:tt)+ })+) => {
        $(
            vocabulary! { $(#[$meta])* $name { $($entries)+ } }

            impl From<$name> for Reason {
                fn from(reason: $name) -> Self {
                    Self::$condition(reason)
                }
            }
        )+

        /// Reason of a condition; it determines the condition.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[$meta])* $condition($name),)+
            /// Reason of `Ready` while `Stalled` is True: the same reason.
            ReadyWhileStalled(StalledReason),
        }

        impl Reason {
            /// All reasons, in the order of the reference page; those of `Stalled` appear once.
            pub fn all() -> impl Iterator<Item = Self> {
                std::iter::empty()$(.chain($name::ALL.iter().copied().map(Self::$condition)))+
            }

            /// The condition that this reason belongs to.
            pub fn condition(self) -> ConditionType {
                match self {
                    $(Self::$condition(_) => ConditionType::$condition,)+
                    Self::ReadyWhileStalled(_) => ConditionType::Ready,
                }
            }

            /// The wire string, as stored in status.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$condition(reason) => reason.as_str(),)+
                    Self::ReadyWhileStalled(reason) => reason.as_str(),
                }
            }

            /// What it means and what to do, for the reference page.
            pub fn describe(self) -> &'static str {
                match self {
                    $(Self::$condition(reason) => reason.describe(),)+
                    Self::ReadyWhileStalled(reason) => reason.describe(),
                }
            }
        }
    };
}

pub(crate) use reasons;

reasons! {
    /// Reason of `Ready`.
    Ready: ReadyReason {
        /// The node is running and matches its spec.
        NodeReady = "NodeReady",
        /// A plan is in progress; the message names the current task.
        PlanInProgress = "PlanInProgress",
        /// The current task failed and will be retried; the message has the error and the time.
        TaskRetrying = "TaskRetrying",
        /// The Secret of `spec.sidecar.tls` is not ready, so no plan is started; see `SidecarTLSSecretReady`.
        WaitingForTlsSecret = "WaitingForTLSSecret",
        /// The imported data volume cannot be used yet; see `ImportPVCReady`.
        WaitingForVolume = "WaitingForVolume",
        /// A key Secret cannot be used yet; see the key's condition.
        WaitingForKeys = "WaitingForKeys",
        /// The pod does not exist, is not running or is not ready; the message says which and why.
        WaitingForPod = "WaitingForPod",
        /// The bootstrap Job is in progress.
        WaitingForBootstrap = "WaitingForBootstrap",
        /// No SeiNode matches the selectors of `spec.peers` yet, or none of the matching ones is Running.
        WaitingForPeers = "WaitingForPeers",
        /// An object of the ceremony is not in the genesis bucket; the message names bucket and key.
        WaitingForGenesis = "WaitingForGenesis",
        /// The sidecar is running a task.
        SidecarTaskRunning = "SidecarTaskRunning",
        /// The sidecar cannot be reached.
        SidecarUnreachable = "SidecarUnreachable",
        /// A task `mark-not-ready` from another client holds the sidecar, so the operator does not submit `mark-ready`.
        SidecarHeld = "SidecarHeld",
        /// The sidecar's proxy denies access (401 or 403): check the task-submitter role binding.
        SidecarAccessDenied = "SidecarAccessDenied",
        /// The API server rejected a write of the operator; the message has its response.
        WriteRefused = "WriteRefused",
        /// Another pod still uses the signing key or the volume; the message names it.
        WaitingForRelease = "WaitingForRelease",
        /// An object whose name the node needs is still being deleted, for example after the SeiNode was recreated.
        WaitingForDeletion = "WaitingForDeletion",
        /// An update is due, but a SeiNodeTask is running on the node; the message names it. Delete it to start the update now.
        WaitingForTask = "WaitingForTask",
        /// `spec.paused` or `spec.stopped` is true; the message says what will continue after that.
        Paused = "Paused",
        /// The node is being deleted.
        Deleting = "Deleting",
    }
    /// Reason of `Stalled`.
    Stalled: StalledReason {
        /// The spec is invalid; the message names the field and says what to write instead.
        InvalidSpec = "InvalidSpec",
        /// The status has a value that a later version of the operator wrote; upgrade the operator, or correct the status.
        StatusUnknown = "StatusUnknown",
        /// TLS needs a sidecar of v0.0.50 or later; set `spec.sidecar.image` or the platform's image.
        SidecarTooOldForTls = "SidecarTooOldForTLS",
        /// The SeiNode cannot be decoded, so it is not reconciled; the message names the field. Correct it, or upgrade the operator if a later version wrote it.
        Unreadable = "Unreadable",
        /// A plan failed permanently; the message has task and error. Change the spec or set annotation `sei.io/retry`.
        PlanFailed = "PlanFailed",
        /// A task has been waiting longer than its limit; the message says for what. The operator keeps retrying.
        WaitingTooLong = "WaitingTooLong",
        /// An object with a name that the node needs exists and has another owner; rename one of them or
        /// delete it.
        ForeignObject = "ForeignObject",
        /// Another SeiNode imports the same volume; only one of them may.
        VolumeInUse = "VolumeInUse",
        /// The data volume claim of a running node was deleted, or replaced by one that may be empty; restore it, or set
        /// annotation `sei.io/retry` to the value that the message names to start with an empty volume.
        DataVolumeLost = "DataVolumeLost",
        /// The data volume claim is being deleted, and the data with it when the pod ends; the message says how to keep it.
        DataVolumeTerminating = "DataVolumeTerminating",
        /// Another SeiNode uses the same signing key, so blocks could be signed twice; give each validator a
        /// separate key.
        SigningKeyInUse = "SigningKeyInUse",
    }
    /// Reason of `SidecarReady`.
    SidecarReady: SidecarReadyReason {
        /// healthz responds with 200.
        Ready = "Ready",
        /// healthz responds with 503: the sidecar restarted and waits for mark-ready, which the operator submits.
        NotReady = "NotReady",
        /// healthz responds with 503 because a task `mark-not-ready` from another client requested it.
        Held = "Held",
        /// healthz does not respond.
        Unreachable = "Unreachable",
    }
    /// Reason of `SidecarTLSSecretReady`.
    SidecarTlsSecretReady: TlsSecretReason {
        /// The Secret can be used.
        Ready = "TLSSecretReady",
        /// There is no Secret of that name in the SeiNode's namespace.
        NotFound = "TLSSecretNotFound",
        /// The operator failed to read the Secret; this is not a fault of the Secret.
        Unavailable = "TLSSecretUnavailable",
        /// The Secret is not a usable TLS Secret; the message says what is wrong with it.
        Malformed = "TLSSecretMalformed",
        /// The certificate lacks a required DNS name; the message lists required, presented and missing.
        SansMismatch = "TLSSecretSANsMismatch",
        /// The certificate has expired; renew it.
        Expired = "TLSSecretExpired",
        /// The certificate is not valid yet.
        NotYetValid = "TLSSecretNotYetValid",
    }
    /// Reason of `NodeUpdateInProgress`.
    NodeUpdateInProgress: UpdateReason {
        /// An update plan was started.
        Started = "UpdateStarted",
        /// The pod is ready with the new image.
        Complete = "UpdateComplete",
        /// The update plan failed.
        Failed = "UpdateFailed",
    }
    /// Reason of `ImportPVCReady`.
    ImportPvcReady: VolumeReason {
        /// The claim can be used.
        Validated = "PVCValidated",
        /// The claim cannot be used yet.
        NotReady = "PVCNotReady",
        /// The claim cannot be used in its current form.
        Invalid = "PVCInvalid",
    }
    /// Reason of `SigningKeyReady`.
    SigningKeyReady: SigningKeyReason {
        /// The signing key can be used.
        Validated = "SigningKeyValidated",
        /// The signing key's Secret is absent, unreadable or being deleted.
        NotReady = "SigningKeyNotReady",
        /// The signing key's Secret does not hold a signing key.
        Invalid = "SigningKeyInvalid",
    }
    /// Reason of `NodeKeyReady`.
    NodeKeyReady: NodeKeyReason {
        /// The node key can be used.
        Validated = "NodeKeyValidated",
        /// The node key's Secret is absent, unreadable or being deleted.
        NotReady = "NodeKeyNotReady",
        /// The node key's Secret does not hold a node key.
        Invalid = "NodeKeyInvalid",
    }
    /// Reason of `OperatorKeyringReady`.
    OperatorKeyringReady: KeyringReason {
        /// Keyring and passphrase can be used.
        Validated = "OperatorKeyringValidated",
        /// A Secret of the keyring is absent, unreadable or being deleted.
        NotReady = "OperatorKeyringNotReady",
        /// A Secret of the keyring lacks required data.
        Invalid = "OperatorKeyringInvalid",
    }
    /// Reason of `SidecarSupported`.
    SidecarSupported: SidecarSupportReason {
        /// No unsupported field or task is known.
        VersionSupported = "SidecarVersionSupported",
        /// TLS needs a sidecar of v0.0.50 or later; set `spec.sidecar.image` or the platform's image.
        TooOldForTls = "SidecarTooOldForTLS",
        /// The sidecar's own port accepts requests without TLS and authentication; set `spec.sidecar.image` to v0.0.50
        /// or later.
        PortUnprotected = "SidecarPortUnprotected",
        /// The sidecar does not support a task type of the plan; use a version that does.
        TaskUnknown = "SidecarTaskUnknown",
    }
    /// Reason of `SidecarUpToDate`.
    SidecarUpToDate: SidecarImageReason {
        /// The images are replaced with the next update of the node. `platform.sidecarRollout` of the chart can replace them
        /// earlier.
        PendingUpdate = "PendingUpdate",
        /// Other nodes of the chain are updated first, or other nodes of its SeiNodeDeployment, within its `maxUnavailable`.
        WaitingForTurn = "WaitingForTurn",
        /// This node is next and is waiting for the node that the message names, which is being updated or has a problem.
        WaitingForNode = "WaitingForNode",
        /// An update is replacing the images.
        Updating = "Updating",
        /// The update has failed. It is retried when annotation `sei.io/retry` or the spec changes.
        UpdateFailed = "UpdateFailed",
    }
    /// Reason of `StateSyncReady`.
    StateSyncReady: StateSyncReason {
        /// `snapshot.rpcServers` lists the witnesses.
        WitnessesListed = "WitnessesListed",
        /// The platform lists the witnesses for this chain.
        WitnessesOfPlatform = "WitnessesOfPlatform",
        /// The sidecar is too old for the listed witnesses; the message names the release that it needs.
        WitnessesIgnored = "WitnessesIgnored",
        /// The first two peers are the witnesses; they must serve RPC on port 26657.
        WitnessesFromPeers = "WitnessesFromPeers",
        /// No RPC server can provide the trusted block of state sync; set `snapshot.rpcServers`, or `platform.rpcServers` of the
        /// chart.
        NoWitnesses = "NoWitnesses",
    }
    /// Reason of `Synced`.
    Synced: SyncedReason {
        /// seid has caught up with the chain.
        CaughtUp = "CaughtUp",
        /// seid is behind the chain and catching up.
        CatchingUp = "CatchingUp",
        /// seid does not respond on port 26657, so its height is not known.
        Unreachable = "SeidUnreachable",
    }
    /// Reason of `SpecHonored`.
    SpecHonored: SpecReason {
        /// A field is invalid, but nothing that the node currently needs depends on it; the message names it.
        FieldInvalid = "FieldInvalid",
        /// A changed field of a Running node takes effect with an update; the message says which field and when.
        FieldPending = "FieldPending",
        /// A key of the configuration that the spec no longer sets keeps its last value on the node; the message names it.
        OverrideKept = "OverrideKept",
        /// A field that is set has no effect; the message names it.
        FieldWithoutEffect = "FieldWithoutEffect",
        /// An admission webhook or another client changes fields of an owned object back whenever they are written; the message names them.
        FieldOverridden = "FieldOverridden",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn wire_strings_are_unique_within_a_condition_and_admitted_by_the_schema() {
        let wires: BTreeSet<_> = Reason::all().map(|reason| (reason.condition(), reason.as_str())).collect();
        assert_eq!(wires.len(), Reason::all().count());
        for (_, wire) in wires {
            assert!(wire.starts_with(|c: char| c.is_ascii_uppercase()), "{wire}");
            assert!(wire.chars().all(|c| c.is_ascii_alphanumeric()), "{wire}");
        }
    }
}
