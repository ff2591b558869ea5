//! The decision about a ceremony.

use std::time::Duration;

use sei_api::{
    deployment_conditions::{CeremonyReason, StalledReason},
    v1alpha1::TaskPlan,
};
use serde_json::Value;

use crate::obstacle::Obstacle;

/// What to do about a ceremony, and what to report.
#[derive(Clone, Debug, PartialEq)]
pub struct CeremonyStep {
    /// What to store as `status.plan`.
    pub plan: Option<TaskPlan>,
    /// The state of the ceremony.
    pub reason: CeremonyReason,
    /// What it is waiting for.
    pub message: String,
    /// What to request from the sidecar of the first validator.
    pub order: Option<AssemblyOrder>,
    /// When to decide again, if nothing happens earlier.
    pub next: Option<Duration>,
    pub(crate) obstacle: Option<Obstacle>,
}

/// The assembly of the genesis, which is stored as submitted.
#[derive(Clone, Debug, PartialEq)]
pub struct AssemblyOrder {
    /// Name of the SeiNode whose sidecar assembles it.
    pub node: String,
    /// Type of the task.
    pub type_: String,
    /// ID of the task.
    pub id: String,
    /// Number of retries before this attempt.
    pub retries: i64,
    /// Another task type that the sidecar must support, or else it would ignore a part of the parameters.
    pub needs_type: Option<&'static str>,
    /// Parameters to submit it with if it is unknown to the sidecar; without them the sidecar is only queried.
    pub params: Option<Value>,
}

impl CeremonyStep {
    pub(super) fn new(plan: Option<TaskPlan>, reason: CeremonyReason, message: impl Into<String>) -> Self {
        Self { plan, reason, message: message.into(), order: None, next: None, obstacle: None }
    }

    pub(super) fn blocked(plan: Option<TaskPlan>, reason: StalledReason, message: impl Into<String>) -> Self {
        let message = message.into();
        let obstacle = Some(Obstacle::new(reason, message.clone()));
        Self { obstacle, ..Self::new(plan, CeremonyReason::CeremonyBlocked, message) }
    }
}
