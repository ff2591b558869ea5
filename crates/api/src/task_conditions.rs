//! Condition types and reasons of a SeiNodeTask, the counterpart of [`conditions`](crate::conditions) for a SeiNode.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::{
    conditions::{Truth, put, reasons},
    vocabulary::vocabulary,
};

vocabulary! {
    /// Type of a condition of a SeiNodeTask.
    ConditionType {
        /// The operation is complete. Otherwise reason and message say what the task is waiting for; where it has failed, the
        /// reason is that of `Stalled`.
        Ready = "Ready",
        /// The task has failed and is not retried; the message has the error. Create another SeiNodeTask to try again.
        Stalled = "Stalled",
    }
}

reasons! {
    /// Reason of `Ready`.
    Ready: ReadyReason {
        /// The operation is complete.
        TaskComplete = "TaskComplete",
        /// The sidecar is running the operation.
        TaskRunning = "TaskRunning",
        /// The SeiNode of `spec.nodeRef` does not exist.
        NodeNotFound = "NodeNotFound",
        /// The SeiNode cannot be decoded.
        NodeUnreadable = "NodeUnreadable",
        /// The SeiNode is being deleted.
        NodeDeleting = "NodeDeleting",
        /// The SeiNode is paused or stopped.
        NodePaused = "NodePaused",
        /// A plan is in progress on the SeiNode.
        PlanInProgress = "PlanInProgress",
        /// The SeiNode is not in `spec.requirePhase`.
        WaitingForPhase = "WaitingForPhase",
        /// Another SeiNodeTask is running on the SeiNode; the message names it.
        WaitingForTask = "WaitingForTask",
        /// The SeiNode has not accepted the task yet.
        WaitingForNode = "WaitingForNode",
        /// The sidecar does not respond.
        SidecarUnreachable = "SidecarUnreachable",
        /// The sidecar denies access to the operator.
        SidecarAccessDenied = "SidecarAccessDenied",
    }

    /// Reason of `Stalled`.
    Stalled: StalledReason {
        /// The sidecar ran the operation, and it failed; the message has its error.
        OperationFailed = "OperationFailed",
        /// The sidecar does not support the operation; the message has the release that does.
        NotSupported = "NotSupported",
        /// The operation cannot be run with this spec, or on this SeiNode; the message says why.
        Rejected = "Rejected",
        /// The task was not started within `spec.startTimeoutSeconds`; the message says what it was waiting for.
        StartTimedOut = "StartTimedOut",
        /// The operation was not complete within `spec.timeoutSeconds`. The sidecar may still be running it.
        TimedOut = "TimedOut",
        /// The SeiNode was deleted while the task was running on it. The operation may have been carried out.
        NodeDeleted = "NodeDeleted",
        /// It is unknown whether the operation was carried out: the sidecar lost its record of the task or was terminated while
        /// it ran it, or the transaction is not in a block yet. Check the node or the chain before you create another SeiNodeTask.
        OutcomeUnknown = "OutcomeUnknown",
        /// The SeiNodeTask cannot be decoded and is not reconciled; the message names the field.
        Unreadable = "Unreadable",
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
