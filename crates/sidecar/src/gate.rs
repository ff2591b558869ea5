//! Whether this process may still change anything.

use std::fmt::Debug;

/// Asked before each submission: a process that was suspended past its lease continues in the middle of its work,
/// while another replica leads.
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
