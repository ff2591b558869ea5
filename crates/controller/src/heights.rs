//! Heights of the seid of each node, by the name of the node: each actor queries its own seid, and metrics and groups
//! read the results here.

use std::{
    fmt,
    sync::{Arc, Weak},
};

use kube::runtime::reflector::ObjectRef;
use sei_api::SeiNode;
use sei_decide::SeidStatus;
use sei_deployment::Halt;

use crate::by_node::ByNode;

/// A source that queries one seid.
pub(crate) trait SeidSource: Send + Sync {
    /// Its last response; `None` while it does not respond.
    fn seid(&self) -> Option<SeidStatus>;

    /// Its progress towards the awaited height, which is watched from now on; `None` stops watching.
    fn await_halt(&self, awaited: Option<Awaited>) -> Halt;
}

/// The height at which a group waits for the seid of one of its nodes to halt.
#[derive(Clone)]
pub(crate) struct Awaited {
    /// UID of the SeiNode.
    pub(crate) node: String,
    /// The first block that the new image executes.
    pub(crate) height: u64,
    /// Wakes the group.
    pub(crate) changed: Arc<dyn Fn() + Send + Sync>,
}

impl Awaited {
    /// The last block that the old image has to execute.
    pub(crate) fn last(&self) -> u64 {
        self.height.saturating_sub(1)
    }
}

impl PartialEq for Awaited {
    fn eq(&self, other: &Self) -> bool {
        (&self.node, self.height) == (&other.node, other.height)
    }
}

/// Heights of the seid of each node. Clones share the same state.
#[derive(Clone, Default)]
pub(crate) struct Heights(Arc<ByNode<dyn SeidSource>>);

impl Heights {
    /// Registers `source` as the one that queries the seid of `node`.
    pub(crate) fn add(&self, node: &ObjectRef<SeiNode>, source: Weak<dyn SeidSource>) {
        self.0.add(node, source);
    }

    /// Progress of the seid of a node towards the awaited height; see [`SeidSource::await_halt`].
    pub(crate) fn await_halt(&self, namespace: &str, node: &str, awaited: Option<Awaited>) -> Halt {
        let node = ObjectRef::new(node).within(namespace);
        self.0.get(&node).map_or(Halt::Unknown, |source| source.await_halt(awaited))
    }

    /// The last response of a node's seid; `None` while it does not respond.
    pub(crate) fn of(&self, namespace: &str, node: &str) -> Option<SeidStatus> {
        self.0.get(&ObjectRef::new(node).within(namespace))?.seid()
    }

    /// The last response of each seid that responds, with namespace and name of its node.
    pub(crate) fn all(&self) -> Vec<(String, String, SeidStatus)> {
        let sources = self.0.all().into_iter();
        let known = sources.filter_map(|((namespace, name), source)| Some((namespace, name, source.seid()?)));
        known.collect()
    }
}

impl fmt::Debug for Heights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all()).finish()
    }
}
