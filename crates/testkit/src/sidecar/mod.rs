//! Sidecars: one that behaves like the real one, of any release, and a simulator of thousands behind two
//! listeners.

mod answers;
mod api;
mod engine;
mod generation;
mod handlers;
pub(crate) mod home;
mod listen;
mod mux;
pub mod node_key;
mod nodes;
mod orders;
mod outside;
mod record;
mod simulator;
mod upgrade;
mod work;
mod world;

pub use api::{Authn, answer};
pub use engine::Sidecar;
pub use generation::Generation;
pub use handlers::Handlers;
pub use home::Home;
pub use orders::{Call, Faults};
pub use outside::{Answer, Bucket, Unreachable, World};
pub use record::{Record, Status};
pub use simulator::{Access, Simulator};
pub use upgrade::Upgrade;
pub use work::{Failure, Outcome, Work};
pub use world::Seid;

use std::sync::{Mutex, MutexGuard, PoisonError};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
