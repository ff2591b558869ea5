//! Where the sidecars of nodes are reached: the passes over a node say it, and a group that needs one of its nodes looks
//! here.

use kube::runtime::reflector::ObjectRef;
use sei_api::SeiNode;

use super::{
    state::{Shared, StateOfActor},
    target::Target,
};
use crate::by_node::ByNode;

/// The actors of a scope.
#[derive(Default)]
pub(crate) struct Directory(ByNode<StateOfActor>);

impl Directory {
    pub(super) fn add(&self, node: &ObjectRef<SeiNode>, actor: &Shared) {
        self.0.add(node, actor.downgrade());
    }

    /// Where the sidecar of `node` was last reached.
    pub(super) fn target(&self, node: &ObjectRef<SeiNode>) -> Option<Target> {
        Shared::from(self.0.get(node)?).lock().target.clone()
    }
}
