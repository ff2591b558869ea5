//! Whether the process can work, or wait to become the leader.

use tokio::sync::watch;

/// Clones share it.
#[derive(Clone)]
pub(super) struct Readiness(watch::Sender<Option<String>>);

impl Readiness {
    /// Not ready, because of `reason`.
    pub(super) fn waiting(reason: impl Into<String>) -> Self {
        Self(watch::Sender::new(Some(reason.into())))
    }

    /// The process is ready.
    pub(super) fn set(&self) {
        self.0.send_replace(None);
    }

    /// It is not ready, because of `reason`.
    pub(super) fn unset(&self, reason: impl Into<String>) {
        self.0.send_replace(Some(reason.into()));
    }

    /// Why the process is not ready; `None` if it is.
    pub(super) fn reason(&self) -> Option<String> {
        self.0.borrow().clone()
    }
}
