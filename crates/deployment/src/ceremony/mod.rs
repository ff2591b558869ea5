//! The genesis ceremony of a group. Each validator creates its keys and uploads its genesis transaction; the sidecar of
//! the first one assembles the genesis from them; each validator starts with it. The SeiNodes do their part on their
//! own; the group decides only whether the ceremony may start, when the genesis is assembled, and when the ceremony is
//! over.
//!
//! A genesis cannot be assembled twice: a chain that has started from the first would be lost. So the plan is stored
//! before the first SeiNode is created, and the submission before it is requested from the sidecar.

mod decided;
mod limit;
mod needs;
mod plan;
mod step;
mod validators;
mod validity;

use jiff::Timestamp;
use sei_api::{
    SeiNodeDeployment, conditions::is_true, deployment_conditions::ConditionType, v1alpha1::TaskStatus,
};

pub use decided::{AssemblyOrder, CeremonyStep};
pub use needs::{needs_bucket, stored_assembly};
pub(crate) use step::step;

/// How a SeiNode that is created now takes part in the ceremony.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// It is not created yet: the ceremony has not started, or its genesis is being assembled from what its predecessor has
    /// uploaded.
    Closed,
    /// As a validator of the genesis.
    Validator,
    /// As a node of the existing chain: the genesis is complete, so it cannot contain this one.
    Follower,
}

/// How the SeiNode of an ordinal takes part if the group creates it now, according to what is stored.
pub(crate) fn entry(group: &SeiNodeDeployment, ordinal: u32, now: Timestamp) -> Entry {
    if was_completed(group) {
        return Entry::Follower;
    }
    match plan::stored(group).and_then(plan::assembly) {
        None => Entry::Closed,
        Some(task) if task.status == TaskStatus::Complete => Entry::Follower,
        // The genesis is assembled by the first validator.
        Some(task) if ordinal > 0 && plan::is_under_way(task, now) => Entry::Closed,
        Some(_) => Entry::Validator,
    }
}

/// Whether the ceremony is known to be over.
fn was_completed(group: &SeiNodeDeployment) -> bool {
    let status = group.status.as_ref();
    is_true(status.and_then(|status| status.condition(ConditionType::GenesisCeremonyComplete)))
}
