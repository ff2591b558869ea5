//! Where the sidecars of nodes are reached: the passes over a node say it, and a group that needs one of its nodes looks
//! here.

use std::sync::{Mutex, PoisonError};

use kube::runtime::reflector::ObjectRef;
use sei_api::SeiNode;

use super::{
    state::{Shared, StateOfActor},
    target::Target,
};
use crate::by_node::ByNode;

/// The actors of a scope.
#[derive(Default)]
pub(crate) struct Directory(Mutex<ByNode<StateOfActor>>);

impl Directory {
    pub(super) fn add(&self, node: &ObjectRef<SeiNode>, actor: &Shared) {
        // A panic elsewhere leaves the map whole: every access is one insert or read.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(node, actor.downgrade());
    }

    /// Where the sidecar of `node` was last reached.
    pub(super) fn target(&self, node: &ObjectRef<SeiNode>) -> Option<Target> {
        let actor = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(node)?;
        Shared::from(actor).lock().target.clone()
    }
}
