//! The reconciler of SeiNodeTasks: `sei-node-task` decides, this module executes. Which SeiNodeTask holds a SeiNode is
//! decided by the passes over the SeiNode, which read the tasks here. If the kind is not installed or must not be
//! watched, only tasks are not reconciled, and a SeiNode held by a task keeps waiting for it.

mod context;
mod feeds;
mod memory;
mod observe;
mod reconcile;
mod scope;

pub(crate) use context::{Context, Dependencies, Woken};
pub(crate) use feeds::start;
pub(crate) use scope::run;
