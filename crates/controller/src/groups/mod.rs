//! The reconciler of SeiNodeDeployments: `sei-deployment` decides, this module executes. It shares the cache of
//! SeiNodes, the events, the metrics and the lease gate with the reconciler of SeiNodes, which does not depend on it: if
//! the kind is not installed or may not be watched, only groups are not reconciled.

mod carry_out;
mod ceremony;
mod context;
mod feeds;
mod memory;
mod observe;
mod reconcile;
mod scope;
mod stores;
mod target;
mod wakes;

pub(crate) use context::{Context, Dependencies};
pub(crate) use feeds::start;
pub(crate) use scope::run;
pub(crate) use stores::{Stores, Woken};
