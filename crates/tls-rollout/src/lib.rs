//! Enables or disables TLS on existing SeiNodes and SeiNodeDeployments. `spec.sidecar.tls` is immutable, so they are
//! deleted and recreated, and their volumes are kept. Pure: [`next`] and [`next_group`] return the next step for the
//! observed state.
//!
//! No state is kept between steps. The SeiNode to create is stored on the data volume claim before the old one is
//! deleted, so that a new run continues from any point: the claim must not be lost, and it exists throughout.
//!
//! ```
//! use sei_tls_rollout::{Observed, Progress, Target, next};
//!
//! let nothing = Observed::default();
//! assert!(matches!(next(&nothing, &Target::Disable), Progress::Refused(_)), "there is no such SeiNode");
//! ```
#![forbid(clippy::disallowed_methods, clippy::disallowed_types)]

mod certificate;
mod checks;
mod group;
mod next;
mod observed;
mod recreated;
mod simulate;
mod simulate_group;
mod step;

pub use certificate::{Issuer, certificate};
pub use group::{GroupProgress, GroupStep, ObservedGroup, members, next_group};
pub use next::next;
pub use observed::{Group, Observed, Secret, Target, Volume};
pub use recreated::{stored, stored_group};
pub use simulate::steps;
pub use simulate_group::{GroupSteps, group_steps};
pub use step::{Progress, Step};
