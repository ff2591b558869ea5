//! The addresses of the sidecars of nodes: recorded by the passes over the nodes, and read by groups that need one of
//! their nodes.

use kube::runtime::reflector::ObjectRef;
use sei_api::SeiNode;

use super::{
    state::{ActorState, Shared},
    target::Target,
};
use crate::by_node::ByNode;

/// The actors of a scope.
#[derive(Default)]
pub(crate) struct Directory(ByNode<ActorState>);

impl Directory {
    pub(super) fn add(&self, node: &ObjectRef<SeiNode>, actor: &Shared) {
        self.0.add(node, actor.downgrade());
    }

    /// The last known address of the sidecar of `node`.
    pub(super) fn target(&self, node: &ObjectRef<SeiNode>) -> Option<Target> {
        Shared::from(self.0.get(node)?).lock().target.clone()
    }
}
