//! The decisions of a pass over a SeiNode. Pure: its whole input is in [`Observed`], including the time.
//!
//! A [`Pass`] is a state machine: it starts with the observation, requests an effect, takes the outcome, and ends with
//! the status to write. The caller, the reconciler or a test, only performs the effects:
//!
//! ```
//! use sei_decide::{Request, Observed, Pass, Repaired, Requeue};
//! use sei_plan::Outcome;
//! # use sei_render::Platform;
//!
//! fn drive(observed: &Observed, platform: &Platform) -> Requeue {
//!     let mut pass = Pass::begin(observed, platform, "11111111-2222-4333-8444-555555555555");
//!     loop {
//!         match pass.next_request() {
//!             Request::Repair(_object) => pass.repaired(Repaired::Done), // once it is applied
//!             Request::Step { .. } => {
//!                 // take a step of the task
//!                 pass.stepped(Outcome::Running, observed.now, 0.0);
//!             }
//!             Request::WriteStatus => break,
//!         }
//!     }
//!     let (_status, then) = pass.end(); // write the status
//!     then
//! }
//! ```
#![forbid(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod attempt;
pub mod bootstrap;
mod claim;
mod condition;
pub mod contention;
mod decision;
mod drift;
mod early_start;
mod ending;
mod endpoint;
pub mod events;
pub mod exclusive;
mod facts;
mod faults;
mod holder;
mod in_sync;
mod missing_pod;
pub mod neighbours;
mod node_task;
pub mod objects;
mod observed;
mod obstacle;
mod ownership;
mod pass;
mod phase;
mod plan_inputs;
mod pods;
mod progress;
mod repair;
pub mod rollout;
mod sidecar;
mod sidecar_conditions;
mod sidecar_images;
pub mod sidecar_rollout;
mod sidecar_task;
mod spec_honored;
mod state_sync;
mod summary;
mod synced;
mod wanted;

pub use claim::{Claim, is_own, is_retained_for};
pub use in_sync::InSync;
pub use observed::{Children, Finding, Keys, Observed, TlsFinding};
pub use ownership::Ownership;
pub use pass::{Pass, Request, Requeue};
pub use phase::set_phase;
pub use progress::is_progress;
pub use repair::{Overridden, Repair, Repaired};
pub use sidecar::{
    Answer, Health, Refusal, SeidStatus, Sidecar, TaskProgress, TaskReport, TaskResult, Trouble, TroubleKind,
};
pub use sidecar_task::{SidecarStep, sidecar_step};
