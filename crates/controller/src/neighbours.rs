//! Other SeiNodes, as the caches have them: what they mean for a node, and who has to be woken when one changes.

use std::sync::Arc;

use kube::runtime::reflector::{ObjectRef, Store};
use sei_api::{SeiNode, names};
use sei_decide::neighbours::{self, Peers, matters_to};
use tokio::sync::mpsc::UnboundedSender;

/// The SeiNodes of every scope.
pub(crate) struct Neighbours {
    pub(crate) fleet: Arc<[Store<SeiNode>]>,
    /// Where to send the names of nodes to reconcile; a scope that does not have a node ignores it.
    pub(crate) wakes: Vec<UnboundedSender<ObjectRef<SeiNode>>>,
}

impl Neighbours {
    /// The peers that the label sources of `node` find. `None` without label sources.
    pub(crate) fn peers(&self, node: &SeiNode) -> Option<Peers> {
        neighbours::peers(node, self.others(node))
    }

    /// Has every node reconciled to which a change of `node` matters.
    pub(crate) fn wake(&self, node: &SeiNode) {
        for other in self.others(node).filter(|other| matters_to(node, other)) {
            for wake in &self.wakes {
                // The receiver is gone only when the controller is shutting down.
                let _ = wake.send(ObjectRef::from_obj(&*other));
            }
        }
    }

    fn others(&self, node: &SeiNode) -> impl Iterator<Item = Arc<SeiNode>> {
        let (namespace, name) = (names::namespace(node), names::node(node));
        self.fleet
            .iter()
            .flat_map(|nodes| nodes.state())
            .filter(move |other| names::namespace(other) != namespace || names::node(other) != name)
    }
}
