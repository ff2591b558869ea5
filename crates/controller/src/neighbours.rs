//! Other SeiNodes in the caches: what they mean for a node, and which nodes to requeue when one changes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kube::runtime::reflector::{ObjectRef, Store};
use sei_api::{SeiNode, names};
use sei_decide::neighbours::{self, Peers, matters_to};
use sei_render::Platform;
use tokio::sync::mpsc::UnboundedSender;

use crate::cache::{Filling, Progress};

const KIND: &str = "SeiNode";

/// The SeiNodes of every scope.
pub(crate) struct Neighbours {
    pub(crate) fleet: Arc<[Fleet]>,
    /// Requeues nodes by name; a scope without that node ignores it.
    pub(crate) wakes: Vec<UnboundedSender<ObjectRef<SeiNode>>>,
    /// Shared by all scopes.
    pub(crate) node_ids: Arc<NodeIds>,
}

/// The SeiNodes of one scope, and the sync state of its caches.
pub(crate) struct Fleet {
    /// The namespace of the scope; `None` for all of them.
    pub(crate) namespace: Option<String>,
    pub(crate) nodes: Store<SeiNode>,
    pub(crate) progress: Progress,
}

/// IDs of the nodes of every scope in the peer-to-peer network, as last reported by their sidecars.
#[derive(Default)]
pub(crate) struct NodeIds(Mutex<HashMap<ObjectRef<SeiNode>, String>>);

impl NodeIds {
    fn lock(&self) -> MutexGuard<'_, HashMap<ObjectRef<SeiNode>, String>> {
        // A panic elsewhere cannot leave the map inconsistent: every access is one insert, read or remove.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Neighbours {
    /// The peers that the label sources of `node` select. `None` without label sources.
    pub(crate) fn peers(&self, node: &SeiNode, platform: &Platform) -> Option<Peers> {
        let node_id = |other: &SeiNode| self.node_ids.lock().get(&ObjectRef::from_obj(other)).cloned();
        neighbours::peers(node, self.others(node), platform, node_id)
    }

    /// The kind that may not be watched in a namespace where label sources of `node` look: its peers would seem absent.
    pub(crate) fn denied(&self, node: &SeiNode) -> Option<&'static str> {
        let is_denied = |namespace: &str| {
            let mut fleets = self.fleet.iter().filter(|fleet| fleet.namespace.as_deref() == Some(namespace));
            fleets.any(|fleet| fleet.progress.of(Filling::Denied).contains(&KIND))
        };
        neighbours::namespaces(node).any(is_denied).then_some(KIND)
    }

    /// Stores the ID of `node`, which outlives its pods.
    pub(crate) fn learn_id(&self, node: &SeiNode, id: String) {
        self.node_ids.lock().insert(ObjectRef::from_obj(node), id);
    }

    /// Drops a node that is gone, and requeues those that it affects.
    pub(crate) fn forget(&self, node: &SeiNode) {
        self.node_ids.lock().remove(&ObjectRef::from_obj(node));
        self.wake(node);
    }

    /// Requeues every node that a change of `node` affects.
    pub(crate) fn wake(&self, node: &SeiNode) {
        for other in self.others(node).filter(|other| matters_to(node, other)) {
            for wake in &self.wakes {
                // The receiver is dropped only when the controller shuts down.
                let _ = wake.send(ObjectRef::from_obj(&*other));
            }
        }
    }

    fn others(&self, node: &SeiNode) -> impl Iterator<Item = Arc<SeiNode>> {
        let (namespace, name) = (names::namespace(node), names::node(node));
        self.fleet
            .iter()
            .flat_map(|fleet| fleet.nodes.state())
            .filter(move |other| names::namespace(other) != namespace || names::node(other) != name)
    }
}
