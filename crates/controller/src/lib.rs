//! The reconciler of SeiNodes: observe, decide, act, record. The only crate with a Kubernetes client.
//!
//! One pass over a node reads everything first ([`observe`](mod@observe)), decides on that value alone, acts,
//! and writes the status once. What a pass remembers in memory only saves work; losing it is harmless.

mod act;
mod cache;
mod context;
mod decide;
mod error;
mod events;
mod finalize;
pub mod metrics;
mod neighbours;
mod observe;
pub mod rbac;
mod reconcile;
mod record;
mod references;
mod run;

pub use context::{Options, SecretAccess};
pub use error::Error;
pub use record::RecordError;
pub use run::run;
