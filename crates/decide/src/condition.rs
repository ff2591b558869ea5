//! Conditions of the status that a pass writes.

use sei_api::{
    SeiNodeStatus,
    conditions::{self, Statement},
};

use crate::observed::Observed;

/// Puts a statement about the observed node into the status.
pub(crate) fn say(observed: &Observed, status: &mut SeiNodeStatus, statement: Statement) {
    conditions::set(&mut status.conditions, statement, observed.node.metadata.generation, observed.now);
}
