//! Condition types and reasons: users script against them, so they are API. One table each; the reference
//! page in `docs/` is generated from it.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

macro_rules! vocabulary {
    ($(#[$meta:meta])* $name:ident { $($(#[doc = $doc:literal])+ $variant:ident = $wire:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl $name {
            /// Every one, in the order of the reference page.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The wire string, as stored in status.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $wire,)+ }
            }

            /// What it says and what to do, for the reference page.
            pub fn describe(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc, "\n"),+),)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use vocabulary;

macro_rules! reasons {
    ($(#[$meta:meta])* $name:ident { $($condition:ident {
        $($(#[doc = $doc:literal])+ $variant:ident = $wire:literal,)+
    })+ }) => {
        vocabulary! { $(#[$meta])* $name { $($($(#[doc = $doc])+ $variant = $wire,)+)+ } }

        impl $name {
            /// The condition that this is a reason of. `Ready` also takes the reason of a True `Stalled`.
            pub fn condition(self) -> ConditionType {
                match self { $($(Self::$variant)|+ => ConditionType::$condition,)+ }
            }
        }
    };
}

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
        /// Whether every field of the spec has an effect.
        SpecHonored = "SpecHonored",
    }
}

reasons! {
    /// Reason of a condition.
    Reason {
        Ready {
            /// The node runs as specified.
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
            /// The node is being deleted.
            Deleting = "Deleting",
        }
        Stalled {
            /// No manual intervention is required.
            Progressing = "Progressing",
            /// The spec cannot be carried out; the message names the field and says what to write instead.
            InvalidSpec = "InvalidSpec",
            /// The status has a value that a later version of the operator wrote; upgrade the operator, or correct the status.
            StatusUnknown = "StatusUnknown",
            /// The SeiNode cannot be decoded, so it is not reconciled; the message names the field. Correct it, or upgrade the operator if a later version wrote it.
            Unreadable = "Unreadable",
            /// A plan failed for good; the message has task and error. Change the spec or set annotation `sei.io/retry`.
            PlanFailed = "PlanFailed",
            /// A task has been waiting longer than its limit; the message says for what. The operator keeps retrying.
            WaitingTooLong = "WaitingTooLong",
            /// An object of this name exists and has another owner; rename one of them or delete it.
            ForeignObject = "ForeignObject",
            /// Another SeiNode imports the same volume; only one of them may.
            VolumeInUse = "VolumeInUse",
            /// The data volume claim of a running node is gone; restore it, or set annotation `sei.io/retry` to the value that
            /// the message names to start with an empty volume.
            DataVolumeLost = "DataVolumeLost",
            /// The data volume claim is being deleted, and the data with it when the pod ends; the message says how to keep it.
            DataVolumeTerminating = "DataVolumeTerminating",
            /// Another SeiNode uses the same signing key, which would sign twice; give each validator its own.
            SigningKeyInUse = "SigningKeyInUse",
        }
        SidecarReady {
            /// healthz responds with 200.
            SidecarHealthy = "Ready",
            /// healthz responds with 503: the sidecar restarted and waits for mark-ready, which the operator submits.
            SidecarNotReady = "NotReady",
            /// healthz responds with 503 because a task `mark-not-ready` from another client requested it.
            SidecarHealthHeld = "Held",
            /// healthz does not respond.
            Unreachable = "Unreachable",
        }
        SidecarTlsSecretReady {
            /// The Secret can be used.
            TlsSecretReady = "TLSSecretReady",
            /// There is no Secret of that name in the SeiNode's namespace.
            TlsSecretNotFound = "TLSSecretNotFound",
            /// The operator failed to read the Secret; this is not a fault of the Secret.
            TlsSecretUnavailable = "TLSSecretUnavailable",
            /// The Secret is not a usable TLS Secret; the message says what is wrong with it.
            TlsSecretMalformed = "TLSSecretMalformed",
            /// The certificate lacks a required DNS name; the message lists required, presented and missing.
            TlsSecretSansMismatch = "TLSSecretSANsMismatch",
            /// The certificate has expired; renew it.
            TlsSecretExpired = "TLSSecretExpired",
            /// The certificate is not valid yet.
            TlsSecretNotYetValid = "TLSSecretNotYetValid",
        }
        NodeUpdateInProgress {
            /// An update plan was started.
            UpdateStarted = "UpdateStarted",
            /// The pod is ready with the new image.
            UpdateComplete = "UpdateComplete",
            /// The update plan failed.
            UpdateFailed = "UpdateFailed",
        }
        ImportPvcReady {
            /// The claim can be used.
            PvcValidated = "PVCValidated",
            /// The claim cannot be used yet.
            PvcNotReady = "PVCNotReady",
            /// The claim can never be used as it is.
            PvcInvalid = "PVCInvalid",
        }
        SigningKeyReady {
            /// The signing key can be used.
            SigningKeyValidated = "SigningKeyValidated",
            /// The signing key's Secret is absent, unreadable or being deleted.
            SigningKeyNotReady = "SigningKeyNotReady",
            /// The signing key's Secret does not hold a signing key.
            SigningKeyInvalid = "SigningKeyInvalid",
        }
        NodeKeyReady {
            /// The node key can be used.
            NodeKeyValidated = "NodeKeyValidated",
            /// The node key's Secret is absent, unreadable or being deleted.
            NodeKeyNotReady = "NodeKeyNotReady",
            /// The node key's Secret does not hold a node key.
            NodeKeyInvalid = "NodeKeyInvalid",
        }
        OperatorKeyringReady {
            /// Keyring and passphrase can be used.
            OperatorKeyringValidated = "OperatorKeyringValidated",
            /// A Secret of the keyring is absent, unreadable or being deleted.
            OperatorKeyringNotReady = "OperatorKeyringNotReady",
            /// A Secret of the keyring does not hold what it must.
            OperatorKeyringInvalid = "OperatorKeyringInvalid",
        }
        SidecarSupported {
            /// The sidecar is not known to lack anything that the spec requests.
            SidecarVersionSupported = "SidecarVersionSupported",
            /// TLS needs a sidecar of v0.0.50 or later; set `spec.sidecar.image` or the platform's image.
            SidecarTooOldForTls = "SidecarTooOldForTLS",
            /// The sidecar's own port accepts requests without TLS and authentication; set `spec.sidecar.image` to v0.0.50
            /// or later.
            SidecarPortUnprotected = "SidecarPortUnprotected",
            /// The sidecar does not support a task type of the plan; use a version that does.
            SidecarTaskUnknown = "SidecarTaskUnknown",
        }
        SpecHonored {
            /// Every field that is set has an effect.
            AllFieldsHonored = "AllFieldsHonored",
            /// A field is invalid, but nothing that the node currently needs uses it; the message names it.
            FieldInvalid = "FieldInvalid",
            /// A field that is set has no effect; the message names it.
            FieldWithoutEffect = "FieldWithoutEffect",
            /// An admission webhook or another client changes fields of an owned object back whenever they are written; the message names them.
            FieldOverridden = "FieldOverridden",
        }
    }
}

/// Status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// `True`.
    True,
    /// `False`.
    False,
    /// `Unknown`.
    Unknown,
}

impl Truth {
    /// The wire string, as stored in status.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}

/// The content of one condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Which condition.
    pub kind: ConditionType,
    /// Its status.
    pub truth: Truth,
    /// Why.
    pub reason: Reason,
    /// Human-readable message. Truncated to the schema's limit when it is set.
    pub message: String,
}

impl Statement {
    /// A statement.
    pub fn new(
        kind: ConditionType,
        truth: impl Into<Truth>,
        reason: Reason,
        message: impl Into<String>,
    ) -> Self {
        Self { kind, truth: truth.into(), reason, message: message.into() }
    }
}

/// Longest message the condition schema admits, in characters.
const MESSAGE_LIMIT: usize = 32_768;

/// Puts `statement` into `conditions`, keeping their order. The transition time moves only with the status.
pub fn set(
    conditions: &mut Option<Vec<Condition>>,
    statement: Statement,
    generation: Option<i64>,
    now: Timestamp,
) {
    let Statement { kind, truth, reason, message } = statement;
    let conditions = conditions.get_or_insert_default();
    let mut next = Condition {
        last_transition_time: Time(now),
        message: message.chars().take(MESSAGE_LIMIT).collect(),
        observed_generation: generation,
        reason: reason.as_str().to_owned(),
        status: truth.as_str().to_owned(),
        type_: kind.as_str().to_owned(),
    };
    match conditions.iter_mut().find(|condition| condition.type_ == next.type_) {
        Some(current) => {
            if current.status == next.status {
                next.last_transition_time = current.last_transition_time.clone();
            }
            *current = next;
        }
        None => conditions.push(next),
    }
}

/// Removes a condition; an emptied list is removed too.
pub fn remove(conditions: &mut Option<Vec<Condition>>, kind: ConditionType) {
    if let Some(list) = conditions {
        list.retain(|condition| condition.type_ != kind.as_str());
        if list.is_empty() {
            *conditions = None;
        }
    }
}

/// Whether `condition` exists and is True.
pub fn is_true(condition: Option<&Condition>) -> bool {
    condition.is_some_and(|condition| condition.status == Truth::True.as_str())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn wire_strings_are_unique_and_admitted_by_the_schema() {
        let wires: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(wires.len(), Reason::ALL.len());
        for wire in wires {
            assert!(wire.starts_with(|c: char| c.is_ascii_uppercase()), "{wire}");
            assert!(wire.chars().all(|c| c.is_ascii_alphanumeric()), "{wire}");
        }
    }

    #[test]
    fn transition_time_moves_only_with_the_status() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let say = |truth: bool, message: &str| {
            Statement::new(ConditionType::Ready, truth, Reason::NodeReady, message)
        };
        let mut list = None;
        set(&mut list, say(false, "one"), Some(1), at(1));
        set(&mut list, say(false, "two"), Some(2), at(2));
        let kept = &list.as_ref().unwrap()[0];
        assert_eq!((kept.last_transition_time.0, kept.message.as_str()), (at(1), "two"));
        set(&mut list, say(true, "three"), Some(2), at(3));
        assert_eq!(list.as_ref().unwrap()[0].last_transition_time.0, at(3));
        remove(&mut list, ConditionType::Ready);
        assert_eq!(list, None);
    }
}
