//! Conditions of the status that a pass writes.

use sei_api::{
    SeiNodeStatus,
    conditions::{self, Statement},
};

use crate::observed::Observed;

/// Sets a condition in the status.
pub(crate) fn set_condition(observed: &Observed, status: &mut SeiNodeStatus, statement: Statement) {
    conditions::set(&mut status.conditions, statement, observed.node.metadata.generation, observed.now);
}
