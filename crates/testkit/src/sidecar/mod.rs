//! Sidecars: one that answers as the real one does, and a simulator of thousands behind two listeners.

mod api;
pub(crate) mod bucket;
mod listen;
mod node;
mod record;
mod simulator;

pub use api::{Authn, answer};
pub use node::{Sidecar, Work};
pub use record::{Record, Status};
pub use simulator::{Access, Call, Faults, Simulator};

use std::sync::{Mutex, MutexGuard, PoisonError};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
