//! The purpose of a plan.

use sei_api::v1alpha1::TaskPlan;

use crate::{OfKind, TaskKind};

/// The purpose of a plan, derived from its tasks: plans of the Go controller do not record it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Brings a new node to Running.
    Init,
    /// Rolls out another image on a Running node.
    Update,
    /// Lets seid start after the sidecar restarted.
    MarkReady,
}

impl Purpose {
    /// The purpose of `plan`.
    pub fn of(plan: &TaskPlan) -> Self {
        let has = |kind: TaskKind| plan.tasks.iter().any(|task| task.is(kind));
        if has(TaskKind::ObserveImage) {
            Self::Update
        } else if has(TaskKind::EnsureDataPvc) {
            Self::Init
        } else {
            Self::MarkReady
        }
    }
}
