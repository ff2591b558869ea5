//! How TLS is enabled or disabled on a SeiNode that exists. `spec.sidecar.tls` is immutable, so the SeiNode is deleted
//! and recreated, and its volume is kept. Pure: [`next`] says the next step from what the cluster shows.
//!
//! Nothing is remembered between steps. The SeiNode to be created is stored on the data volume claim before the old one
//! is deleted, so that a new run continues from any point: the claim is what must not be lost, and it exists
//! throughout.
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
mod next;
mod observed;
mod recreated;
mod simulate;

pub use certificate::{Issuer, certificate};
pub use next::{Progress, Step, next};
pub use observed::{Observed, Secret, Target, Volume};
pub use recreated::{RECREATE_ANNOTATION, stored};
pub use simulate::steps;
