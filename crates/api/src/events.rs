//! Reasons of the events that the operator publishes about a SeiNode: people and alerts select by them, so they are
//! API. The reference page in `docs/` is generated from this table.

use crate::vocabulary::vocabulary;

vocabulary! {
    /// Reason of an event.
    EventReason {
        /// The phase changed; the note names the plan that did it. Type Warning where it changed to Failed. That a node
        /// is new, and that its first plan begins, is no event.
        PhaseTransition = "PhaseTransition",
        /// A plan was stored and is carried out; the note lists its tasks. The first plan of a node is reported when it
        /// ends.
        PlanStarted = "PlanStarted",
        /// Every task of a plan that does not change the phase is complete.
        PlanCompleted = "PlanCompleted",
        /// A task failed permanently, and so did its plan; the note has the error and what to do.
        PlanFailed = "PlanFailed",
        /// A task failed and is retried; the note has the error.
        TaskRetrying = "TaskRetrying",
        /// Manual intervention is required; the note is that of condition `Stalled`.
        Stalled = "Stalled",
        /// The SeiNode cannot be decoded and is not reconciled; the note names the field.
        Unreadable = "Unreadable",
        /// The Secret of `spec.sidecar.tls` can be used again.
        SidecarTlsSecretReady = "SidecarTLSSecretReady",
        /// The Secret of `spec.sidecar.tls` cannot be used; the note says why.
        SidecarTlsSecretNotReady = "SidecarTLSSecretNotReady",
        /// The sidecar of a Running node reports that it is not ready: it restarted.
        SidecarReadinessLost = "SidecarReadinessLost",
        /// The sidecar of a Running node reports that it is ready again.
        SidecarReadinessRestored = "SidecarReadinessRestored",
        /// The sidecar of a Running node does not answer.
        SidecarUnreachable = "SidecarUnreachable",
    }
}
