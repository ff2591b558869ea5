//! What keeps a group from matching its spec until someone intervenes.

use sei_api::deployment_conditions::StalledReason;

/// Why waiting does not help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// The reason, in one word.
    pub reason: StalledReason,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Obstacle {
    pub(crate) fn new(reason: StalledReason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}
