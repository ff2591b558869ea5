//! What keeps a group from its spec until a person acts.

use sei_api::deployment_conditions::StalledReason;

/// Why waiting does not help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// In one word.
    pub reason: StalledReason,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Obstacle {
    pub(crate) fn new(reason: StalledReason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}
