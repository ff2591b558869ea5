//! Whether this process may still make changes.

use std::fmt::Debug;

/// Checked before each submission: a process that was suspended past its lease resumes in the middle of its
/// work while another replica is the leader.
pub trait Gate: Debug + Send + Sync {
    /// Whether submissions may be sent now.
    fn is_open(&self) -> bool;
}

/// A gate for processes that need no lease.
#[derive(Clone, Copy, Debug, Default)]
pub struct AlwaysOpen;

impl Gate for AlwaysOpen {
    fn is_open(&self) -> bool {
        true
    }
}
