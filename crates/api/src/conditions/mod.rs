//! Condition types and reasons: users script against them, so they are part of the API. One table for each;
//! the reference page in `docs/` is generated from them.

mod reasons;
mod statement;

pub(crate) use reasons::reasons;
pub use reasons::{
    KeyringReason, NodeKeyReason, ReadyReason, Reason, SidecarImageReason, SidecarReadyReason,
    SidecarSupportReason, SigningKeyReason, SpecReason, StalledReason, StateSyncReason, SyncedReason,
    TlsSecretReason, UpdateReason, VolumeReason,
};
pub(crate) use statement::put;
pub use statement::{Statement, Truth, is_true, remove, set};

use crate::vocabulary::vocabulary;

vocabulary! {
    /// Type of a condition.
    ConditionType {
        /// The node matches its spec. Otherwise reason and message say what it is waiting for.
        Ready = "Ready",
        /// Manual intervention is required; waiting does not help. The message says what to do.
        Stalled = "Stalled",
        /// The last response of the sidecar's `/v0/healthz`. Present once the node has been Running.
        SidecarReady = "SidecarReady",
        /// Whether the Secret of `spec.sidecar.tls` can be used. Present if and only if TLS is configured.
        SidecarTlsSecretReady = "SidecarTLSSecretReady",
        /// An update plan is replacing the node's image.
        NodeUpdateInProgress = "NodeUpdateInProgress",
        /// Whether the imported data volume can be used.
        ImportPvcReady = "ImportPVCReady",
        /// Whether the Secret of `validator.signingKey` can be used.
        SigningKeyReady = "SigningKeyReady",
        /// Whether the Secret of `validator.nodeKey` can be used.
        NodeKeyReady = "NodeKeyReady",
        /// Whether the Secrets of `validator.operatorKeyring` can be used.
        OperatorKeyringReady = "OperatorKeyringReady",
        /// Whether the sidecar's version supports what the spec requests.
        SidecarSupported = "SidecarSupported",
        /// Whether the pod has the sidecar and proxy images that the spec and the platform request. Present on a Running node
        /// whose pod has different ones.
        SidecarUpToDate = "SidecarUpToDate",
        /// Whether there are witnesses for the block that state sync or a restored snapshot trusts. Present until the node
        /// is Running.
        StateSyncReady = "StateSyncReady",
        /// Whether seid has caught up with its chain. Present while the node is Running.
        Synced = "Synced",
        /// Whether every field of the spec has an effect.
        SpecHonored = "SpecHonored",
    }
}
