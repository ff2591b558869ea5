//! Other SeiNodes in the caches: what they mean for a node, and which nodes to requeue when one changes.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kube::runtime::reflector::{ObjectRef, Store};
use sei_api::{SeiNode, names};
use sei_decide::{
    neighbours::{self, Peers, affects},
    sidecar_rollout::{self, Member, Turn},
};
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
    /// Shared by all scopes.
    pub(crate) turns: Arc<Turns>,
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

/// The nodes whose turn it is, by chain, as namespace and name. An entry stays until the caches show that the node's
/// update has started, so that the next choice takes it into account.
#[derive(Default)]
pub(crate) struct Turns(Mutex<BTreeMap<String, BTreeSet<(String, String)>>>);

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

    /// A kind that must not be watched in a namespace that the label sources of `node` select from: its peers would
    /// seem absent.
    pub(crate) fn denied(&self, node: &SeiNode) -> Option<&'static str> {
        let is_denied = |namespace: &str| {
            let mut fleets = self.fleet.iter().filter(|fleet| fleet.namespace.as_deref() == Some(namespace));
            fleets.any(|fleet| fleet.progress.of(Filling::Denied).contains(&KIND))
        };
        neighbours::namespaces(node).any(is_denied).then_some(KIND)
    }

    /// Whether it is the turn of `node` to get different sidecar images; `None` if it does not wait for a turn.
    pub(crate) fn turn(&self, node: &SeiNode, platform: &Platform) -> Option<Turn> {
        let max_unavailable = platform.sidecar_rollout().max_unavailable()?;
        let is_unknown = |fleet: &Fleet| {
            [Filling::Waiting, Filling::Denied]
                .iter()
                .any(|filling| fleet.progress.of(*filling).contains(&KIND))
        };
        if self.fleet.iter().any(is_unknown) {
            // Nodes of the chain may be unavailable there.
            return Member::of(node, platform).filter(Member::is_waiting).map(|_| Turn::Later);
        }
        let own = (names::namespace(node), names::node(node));
        // A panic elsewhere cannot leave the map inconsistent: every access is one insert, read or remove.
        let mut turns = self.turns.0.lock().unwrap_or_else(PoisonError::into_inner);
        let started = turns.entry(node.spec.chain_id.clone()).or_default();
        // Almost every pass ends here; only the others iterate over the whole chain.
        if !Member::of(node, platform).is_some_and(|own| own.is_outdated()) {
            started.remove(&(own.0.to_owned(), own.1.to_owned()));
            return None;
        }
        let mut members = self.chain(node, platform);
        started.retain(|name| members.iter().any(|member| member.name == *name && member.is_waiting()));
        let is_own = |member: &Member| (member.name.0.as_str(), member.name.1.as_str()) == own;
        let starting = members.iter_mut().filter(|member| started.contains(&member.name) && !is_own(member));
        starting.for_each(Member::begin);
        let turn = sidecar_rollout::turn(own, &members, max_unavailable);
        let own = (own.0.to_owned(), own.1.to_owned());
        match turn {
            Some(Turn::Now) => started.insert(own),
            _ => started.remove(&own),
        };
        turn
    }

    /// The members of the chain of `node`, which may be newer than the cached version.
    fn chain(&self, node: &SeiNode, platform: &Platform) -> Vec<Member> {
        let others = sidecar_rollout::members(&node.spec.chain_id, self.others(node), platform);
        others.into_iter().chain(Member::of(node, platform)).collect()
    }

    /// Stores the ID of `node`, which outlives its pods.
    pub(crate) fn set_node_id(&self, node: &SeiNode, id: String) {
        self.node_ids.lock().insert(ObjectRef::from_obj(node), id);
    }

    /// Drops a deleted node, and requeues the nodes that it affects.
    pub(crate) fn forget(&self, node: &SeiNode, platform: &Platform) {
        self.node_ids.lock().remove(&ObjectRef::from_obj(node));
        self.wake_affected(node);
        self.wake_next(platform, || {
            sidecar_rollout::members(&node.spec.chain_id, self.others(node), platform)
        });
    }

    /// Requeues every node that a change of `node` affects.
    pub(crate) fn wake(&self, node: &SeiNode, platform: &Platform) {
        self.wake_affected(node);
        self.wake_next(platform, || self.chain(node, platform));
    }

    fn wake_affected(&self, node: &SeiNode) {
        let affected = self.others(node).filter(|other| affects(node, other));
        affected.for_each(|other| self.requeue(&ObjectRef::from_obj(&*other)));
    }

    /// Requeues the members of a chain whose turn it is to get different sidecar images.
    fn wake_next(&self, platform: &Platform, chain: impl FnOnce() -> Vec<Member>) {
        let Some(max_unavailable) = platform.sidecar_rollout().max_unavailable() else { return };
        for member in sidecar_rollout::next(&chain(), max_unavailable) {
            self.requeue(&ObjectRef::new(&member.name.1).within(&member.name.0));
        }
    }

    fn requeue(&self, node: &ObjectRef<SeiNode>) {
        for wake in &self.wakes {
            // The receiver is dropped only when the controller shuts down.
            let _ = wake.send(node.clone());
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

#[cfg(test)]
mod tests {
    use kube::runtime::watcher::Event;
    use serde_json::json;

    use super::*;
    use crate::testbed;

    const FORMER: &str = "seictl:v0.0.50";
    const WANTED: &str = "seictl:v0.0.61";

    /// A Running node whose pod has a sidecar of this image.
    fn node(name: &str, sidecar: &str) -> SeiNode {
        let ready = json!({ "type": "Ready", "status": "True", "reason": "NodeReady", "message": "",
            "lastTransitionTime": "2027-01-01T00:00:00Z" });
        let mut node = SeiNode::clone(&testbed::node(name, json!({ "fullNode": {} })));
        node.metadata.name = Some(name.to_owned());
        let status = json!({ "phase": "Running", "observedGeneration": 1, "currentSidecarImage": sidecar,
            "conditions": [ready] });
        node.status = serde_json::from_value(status).unwrap();
        node
    }

    #[tokio::test]
    async fn the_turn_of_a_node_counts_before_its_plan_is_visible() {
        let client = testbed::client(|_| testbed::failure(404));
        let settings = [("SEI_SIDECAR_ROLLOUT", "Paced"), ("SEI_SIDECAR_IMAGE", WANTED)];
        let (ctx, mut writers) = testbed::context(&client, &settings);
        let (first, second) = (node("node-1", FORMER), node("node-2", FORMER));
        for node in [&first, &second, &node("node-0", WANTED)] {
            writers.nodes.apply_watcher_event(&Event::Apply(node.clone()));
        }
        let turn = |node: &SeiNode| ctx.neighbours.turn(node, &ctx.platform);
        assert_eq!((turn(&second), turn(&first)), (Some(Turn::Later), Some(Turn::Now)));
        // Another node now comes first: its owner has changed the image in its spec.
        let mut changed = node("node-0", WANTED);
        changed.spec.sidecar = serde_json::from_value(json!({ "image": "seictl:other" })).unwrap();
        writers.nodes.apply_watcher_event(&Event::Apply(changed.clone()));
        let waits =
            Turn::Next { after: "sei/node-1".to_owned(), reason: "its update is starting".to_owned() };
        assert_eq!(turn(&changed), Some(waits.clone()));
        let mut updating = first.clone();
        let task = json!({ "type": "observe-image", "id": "t", "status": "Pending" });
        let plan = json!({ "id": "p", "phase": "Active", "tasks": [task] });
        updating.status.as_mut().unwrap().plan = serde_json::from_value(plan).unwrap();
        assert_eq!(turn(&updating), Some(Turn::Now), "its own plan is known before the cache has it");
        assert_eq!(turn(&changed), Some(waits));
        // The update has completed.
        let updated = node("node-1", WANTED);
        writers.nodes.apply_watcher_event(&Event::Apply(updated.clone()));
        assert_eq!((turn(&updated), turn(&changed)), (None, Some(Turn::Now)));
    }
}
