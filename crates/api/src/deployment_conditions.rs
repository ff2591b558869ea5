//! Condition types and reasons of a SeiNodeDeployment, the counterpart of [`conditions`](crate::conditions)
//! for a SeiNode.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::{
    conditions::{Truth, put, reasons},
    vocabulary::vocabulary,
};

vocabulary! {
    /// Type of a condition of a SeiNodeDeployment.
    ConditionType {
        /// Every SeiNode is available and runs the template. Otherwise reason and message say what is missing; where the group
        /// is stalled, the reason is that of `Stalled`.
        Ready = "Ready",
        /// SeiNodes are being created, updated or deleted, or are starting.
        Progressing = "Progressing",
        /// Manual intervention is required; waiting does not help. The message says what to do.
        Stalled = "Stalled",
        /// The Gateway accepts the HTTPRoutes of the group; present only while the group has any.
        RouteReady = "RouteReady",
        /// The validators have created the chain of `spec.genesis` and are running it; present only while the group has
        /// a `genesis`. Once True it never becomes False.
        GenesisCeremonyComplete = "GenesisCeremonyComplete",
    }
}

reasons! {
    /// Reason of `Ready`.
    Ready: ReadyReason {
        /// Every SeiNode is available and runs the template.
        AllNodesReady = "AllNodesReady",
        /// A change of the template has not reached every SeiNode yet; the message names those and what they are waiting for.
        UpdateInProgress = "UpdateInProgress",
        /// SeiNodes are missing or not available; the message names them and their reasons.
        NodesNotReady = "NodesNotReady",
        /// SeiNodes above `spec.replicas` are being deleted.
        ScalingDown = "ScalingDown",
        /// The SeiNodeDeployment is being deleted.
        Deleting = "Deleting",
    }

    /// Reason of `Progressing`.
    Progressing: ProgressingReason {
        /// SeiNodes are being created or adopted.
        CreatingNodes = "CreatingNodes",
        /// A change of the template is being rolled out.
        UpdatingNodes = "UpdatingNodes",
        /// SeiNodes are being deleted.
        DeletingNodes = "DeletingNodes",
        /// SeiNodes that run the template are not available yet.
        WaitingForNodes = "WaitingForNodes",
        /// Nothing is left to do.
        Complete = "Complete",
        /// Manual intervention is required; see `Stalled`.
        Blocked = "Blocked",
    }

    /// Reason of `Stalled`.
    Stalled: StalledReason {
        /// No manual intervention is required.
        Progressing = "Progressing",
        /// An object with a name that the group needs has another owner; delete or rename one of them.
        ForeignObject = "ForeignObject",
        /// A SeiNode of the group is stalled; the message has its reason.
        NodeStalled = "NodeStalled",
        /// Scaling down would delete the only copy of a validator's keys; back them up, then set annotation
        /// `sei.io/confirm-key-loss` to the value that the message names.
        KeyLossNotConfirmed = "KeyLossNotConfirmed",
        /// A `HardFork` update is waiting for a height that a SeiNode has already passed with its old image; set `hardFork.haltHeight` to the
        /// height of this upgrade, or `updateStrategy.type` to `InPlace`.
        HaltHeightPassed = "HaltHeightPassed",
        /// `spec.genesis` is invalid, so the ceremony is not started; the message names the field. Delete and recreate the
        /// SeiNodeDeployment with a valid one.
        InvalidGenesis = "InvalidGenesis",
        /// Another ceremony used the chain ID, so this one does not continue: its validators could read the other
        /// genesis. Delete what the message names, or use another chain ID.
        ChainIdInUse = "ChainIdInUse",
        /// The genesis could not be assembled; the message has the error and what to do.
        AssemblyFailed = "AssemblyFailed",
        /// The ceremony has taken longer than `spec.genesis.maxCeremonyDuration`; the message says what it is waiting for.
        /// Raise the limit to continue, or set annotation `sei.io/retry` to a new value.
        CeremonyTimedOut = "CeremonyTimedOut",
        /// This version of the operator cannot carry out a part of the spec; the message names it.
        NotSupported = "NotSupported",
        /// The group owns a SeiNode with an unexpected name, left over from an update by the Go controller.
        UnexpectedNode = "UnexpectedNode",
        /// The API server refused a write of the operator; the message has its response.
        WriteRefused = "WriteRefused",
        /// The SeiNodeDeployment cannot be decoded and is not reconciled; the message names the field.
        Unreadable = "Unreadable",
    }

    /// Reason of `RouteReady`.
    RouteReady: RouteReadyReason {
        /// The Gateway accepts every route.
        RoutesAccepted = "RoutesAccepted",
        /// The Gateway has not reported yet whether it accepts the routes.
        WaitingForGateway = "WaitingForGateway",
        /// The Gateway refuses a route, or cannot resolve its references; the message quotes it.
        RouteRefused = "RouteRefused",
        /// An older HTTPRoute of another namespace has the same host name, so requests go there; the message names it.
        HostNameInUse = "HostNameInUse",
        /// A route does not exist, or an object of that name has another owner.
        RoutesMissing = "RoutesMissing",
        /// The CRD of HTTPRoutes is not installed; the nodes run without routes.
        CRDNotInstalled = "CRDNotInstalled",
        /// No Gateway is configured.
        NoGateway = "NoGateway",
        /// The operator lacks permission to list HTTPRoutes.
        AccessDenied = "AccessDenied",
    }

    /// Reason of `GenesisCeremonyComplete`.
    GenesisCeremonyComplete: CeremonyReason {
        /// The genesis was created and every validator is running.
        CeremonyComplete = "CeremonyComplete",
        /// The ceremony has not started or cannot continue; see `Stalled`.
        CeremonyBlocked = "CeremonyBlocked",
        /// The genesis bucket cannot be checked for objects of another ceremony; the message has the error.
        WaitingForBucket = "WaitingForBucket",
        /// Validators have not uploaded their genesis transactions yet; the message names them.
        WaitingForValidators = "WaitingForValidators",
        /// The sidecar of the first validator assembles the genesis and uploads it.
        AssemblingGenesis = "AssemblingGenesis",
        /// The last attempt to assemble the genesis failed and will be retried; the message has the error.
        AssemblyRetrying = "AssemblyRetrying",
        /// The genesis is uploaded; the message names the validators that are not running yet.
        StartingValidators = "StartingValidators",
    }
}

/// Writes a condition to `conditions`, keeping their order. The reason determines the condition; the
/// transition time changes only with the status.
pub fn set(
    conditions: &mut Option<Vec<Condition>>,
    truth: impl Into<Truth>,
    reason: impl Into<Reason>,
    message: &str,
    generation: Option<i64>,
    now: Timestamp,
) {
    let reason = reason.into();
    put(conditions, reason.condition().as_str(), truth.into(), reason.as_str(), message, generation, now);
}
