//! The events that the operator publishes about SeiNodes, SeiNodeDeployments and SeiNodeTasks. Users and alerts select them
//! by reason, so they are part of the API. The reference page in `docs/` is generated from this table.

use crate::vocabulary::vocabulary;

vocabulary! {
    /// Reason of an event.
    EventReason {
        /// The phase changed; the note names the plan that changed it. Type Warning if it changed to Failed
        /// or Degraded. No event is published for a new object and the start of its first plan. Of a
        /// SeiNodeDeployment only Ready, Failed, Terminating, and Degraded after Ready are reported.
        PhaseTransition = "PhaseTransition",
        /// A plan was stored and started; the note lists its tasks. The first plan of a node is reported when
        /// it ends.
        PlanStarted = "PlanStarted",
        /// Every task of a plan that does not change the phase is complete.
        PlanCompleted = "PlanCompleted",
        /// A task failed permanently, and so did its plan; the note has the error and what to do.
        PlanFailed = "PlanFailed",
        /// A task failed and will be retried; the note has the error.
        TaskRetrying = "TaskRetrying",
        /// Manual intervention is required; the note is that of condition `Stalled`.
        Stalled = "Stalled",
        /// The object cannot be decoded and is not reconciled; the note names the field.
        Unreadable = "Unreadable",
        /// The Secret of `spec.sidecar.tls` can be used again.
        SidecarTlsSecretReady = "SidecarTLSSecretReady",
        /// The Secret of `spec.sidecar.tls` cannot be used; the note says why.
        SidecarTlsSecretNotReady = "SidecarTLSSecretNotReady",
        /// The sidecar of a Running node reports that it is not ready: it restarted.
        SidecarReadinessLost = "SidecarReadinessLost",
        /// The sidecar of a Running node reports that it is ready again.
        SidecarReadinessRestored = "SidecarReadinessRestored",
        /// The sidecar of a Running node does not respond.
        SidecarUnreachable = "SidecarUnreachable",
        /// A change of the template of a SeiNodeDeployment is being rolled out to its SeiNodes.
        RolloutStarted = "RolloutStarted",
        /// A change of the template of a SeiNodeDeployment has been rolled out to each of its SeiNodes.
        RolloutComplete = "RolloutComplete",
        /// The Services of a SeiNodeDeployment select the new SeiNodes of a `BlueGreen` update.
        TrafficMoved = "TrafficMoved",
        /// An attempt to assemble the genesis of a SeiNodeDeployment failed and is retried; the note has the error.
        AssemblyRetrying = "AssemblyRetrying",
        /// The validators of a SeiNodeDeployment have created its chain and are running it.
        GenesisCeremonyComplete = "GenesisCeremonyComplete",
        /// A SeiNodeTask started on its SeiNode; no update starts there until it has finished. Published for both
        /// objects.
        NodeTaskStarted = "NodeTaskStarted",
        /// The operation of a SeiNodeTask is complete; the note has its result.
        NodeTaskComplete = "NodeTaskComplete",
        /// A SeiNodeTask was not started in time, or its operation failed; the note has the error.
        NodeTaskFailed = "NodeTaskFailed",
    }
}

/// Whether an event requires attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// No attention is required.
    Normal,
    /// Attention is required.
    Warning,
}

/// Something that happened to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Whether it requires attention.
    pub level: Level,
    /// The reason, for programs.
    pub reason: EventReason,
    /// What happened, for people.
    pub note: String,
}

impl Event {
    /// An event that requires no attention.
    pub fn normal(reason: EventReason, note: impl Into<String>) -> Self {
        Self { level: Level::Normal, reason, note: note.into() }
    }

    /// An event that requires attention.
    pub fn warning(reason: EventReason, note: impl Into<String>) -> Self {
        Self { level: Level::Warning, reason, note: note.into() }
    }
}
