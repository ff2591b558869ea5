//! What the status reports about the genesis ceremony.

use sei_api::{
    deployment_conditions::{CeremonyReason, Reason},
    v1alpha1::TaskPlan,
};

use crate::{decision::Decision, observed::Observed};

/// The plan to store. It does not change while the group is being deleted, when nothing is decided about the ceremony.
pub(super) fn plan(before: Option<TaskPlan>, observed: &Observed, decision: &Decision) -> Option<TaskPlan> {
    match &decision.ceremony {
        Some(step) => step.plan.clone(),
        None => before.filter(|_| observed.group.spec.genesis.is_some()),
    }
}

/// The hash of the genesis. It is no longer observed once it is stored.
pub(super) fn hash(before: Option<String>, observed: &Observed) -> Option<String> {
    observed.group.spec.genesis.as_ref()?;
    observed.ceremony.genesis_hash.clone().or(before)
}

/// Condition `GenesisCeremonyComplete`.
pub(super) fn condition(decision: &Decision) -> Option<(bool, Reason, String)> {
    let step = decision.ceremony.as_ref()?;
    Some((step.reason == CeremonyReason::CeremonyComplete, step.reason.into(), step.message.clone()))
}
