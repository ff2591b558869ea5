//! Other SeiNodes: the peers that labels find.

use std::{collections::BTreeSet, sync::Arc};

use sei_api::{
    SeiNode,
    conditions::{ConditionType, ReadyReason},
    names,
    v1alpha1::{LabelPeers, NodePhase},
};

/// A seid connects to some tens of peers; more only lengthen its status and configuration.
pub const MOST: usize = 40;

/// What the label sources of a node find.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peers {
    /// DNS names of them, at most [`MOST`], sorted.
    pub all: Vec<String>,
    /// Of those that run, and so can be asked for their id, at most [`MOST`].
    pub running: Vec<String>,
    /// None runs yet, all look for this node too, and it is the oldest of them: the others are to connect to it.
    pub comes_first: bool,
}

/// The peers that the label sources of `node` find among `others`. `None` without label sources.
pub fn peers(node: &SeiNode, others: impl Iterator<Item = Arc<SeiNode>>) -> Option<Peers> {
    label_sources(node).next()?;
    let found: Vec<_> = others.filter(|other| is_peer(node, other)).collect();
    let running = choose(node, found.iter().filter(|other| phase(other) == Some(NodePhase::Running)));
    let waits_for = |other: &SeiNode| is_peer(other, node) && age(node) < age(other);
    let comes_first = running.is_empty() && !found.is_empty() && found.iter().all(|other| waits_for(other));
    Some(Peers { all: choose(node, found.iter()), running, comes_first })
}

/// DNS names of the peers that `node` prefers, sorted.
fn choose<'a>(node: &SeiNode, found: impl Iterator<Item = &'a Arc<SeiNode>>) -> Vec<String> {
    let names: BTreeSet<_> = found.map(|other| names::pod_dns(other)).collect();
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort_by_cached_key(|name| preference(node, name));
    names.truncate(MOST);
    names.sort();
    names
}

/// Orders peers differently for each node, and always the same (FNV-1a), so that a large fleet is one network and a peer
/// more or less changes few lists.
fn preference(node: &SeiNode, peer: &str) -> u64 {
    let own = names::namespace(node).bytes().chain(names::node(node).bytes());
    let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    own.chain(peer.bytes()).fold(0xcbf2_9ce4_8422_2325, hash)
}

/// Whether `other` has to be reconciled soon because `node` changed: it waits for peers, or it needs the volume or key
/// that the other holds. A node that has its peers refreshes their list with its next pass.
pub fn matters_to(node: &SeiNode, other: &SeiNode) -> bool {
    let by_label = waits_for_peers(other) && label_sources(other).any(|source| selects(other, node, source));
    let by_volume =
        names::imported_claim(other).is_some() && names::namespace(other) == names::namespace(node);
    let by_key = signs(other) && signs(node) && other.spec.chain_id == node.spec.chain_id;
    by_label || by_volume || by_key
}

fn waits_for_peers(node: &SeiNode) -> bool {
    let ready = node.status.as_ref().and_then(|status| status.condition(ConditionType::Ready));
    ready.is_some_and(|ready| ready.reason == ReadyReason::WaitingForPeers.as_str())
}

fn signs(node: &SeiNode) -> bool {
    node.spec.validator.as_ref().is_some_and(|validator| validator.signing_key.is_some())
}

fn label_sources(node: &SeiNode) -> impl Iterator<Item = &LabelPeers> {
    node.spec.peers.iter().flatten().filter_map(|source| source.label.as_ref())
}

/// Whether a label source of `node` selects `other`, which is of the same chain and of use.
fn is_peer(node: &SeiNode, other: &SeiNode) -> bool {
    label_sources(node).any(|source| selects(node, other, source))
        && other.spec.chain_id == node.spec.chain_id
        && other.metadata.deletion_timestamp.is_none()
        && phase(other) != Some(NodePhase::Failed)
}

fn phase(node: &SeiNode) -> Option<NodePhase> {
    node.status.as_ref()?.phase
}

/// Whether `source` of `node` matches `other` by namespace and labels.
fn selects(node: &SeiNode, other: &SeiNode, source: &LabelPeers) -> bool {
    let namespace = source.namespace.as_deref().filter(|namespace| !namespace.is_empty());
    let labels = other.metadata.labels.as_ref();
    names::namespace(other) == namespace.unwrap_or(names::namespace(node))
        && source.selector.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
}

/// Who came first; the name settles a tie.
fn age(node: &SeiNode) -> impl Ord + '_ {
    let created = node.metadata.creation_timestamp.as_ref().map(|time| time.0);
    (created, names::node(node), names::namespace(node))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(name: &str, phase: &str, ready: &str) -> Arc<SeiNode> {
        let condition = json!({ "type": "Ready", "status": "False", "reason": ready, "message": "",
            "lastTransitionTime": "2027-01-01T00:00:00Z" });
        let node = json!({
            "apiVersion": "sei.io/v1alpha1", "kind": "SeiNode",
            "metadata": { "name": name, "namespace": "sei", "labels": { "net": "a" } },
            "spec": { "chainId": "c", "image": "i", "fullNode": {},
                "peers": [{ "label": { "selector": { "net": "a" } } }] },
            "status": { "phase": phase, "conditions": [condition] },
        });
        Arc::new(serde_json::from_value(node).unwrap())
    }

    fn fleet(count: usize) -> Vec<Arc<SeiNode>> {
        (0..count).map(|index| node(&format!("n{index}"), "Running", "NodeReady")).collect()
    }

    #[test]
    fn a_large_fleet_gives_each_node_some_peers_and_together_reaches_all() {
        let (fleet, mut reached) = (fleet(300), BTreeSet::new());
        for own in &fleet {
            let others = fleet.iter().filter(|other| !Arc::ptr_eq(own, other)).cloned();
            let found = peers(own, others).unwrap();
            assert_eq!((found.all.len(), found.running.len()), (MOST, MOST));
            reached.extend(found.running);
        }
        assert_eq!(reached.len(), 300);
    }

    #[test]
    fn a_peer_more_changes_at_most_one_name() {
        let own = node("own", "Running", "NodeReady");
        let (before, after) = (fleet(200), fleet(201));
        let names =
            |fleet: Vec<Arc<SeiNode>>| BTreeSet::from_iter(peers(&own, fleet.into_iter()).unwrap().all);
        assert!(names(before).difference(&names(after)).count() <= 1);
    }

    #[test]
    fn only_nodes_that_wait_for_peers_are_woken_by_one() {
        let changed = node("changed", "Running", "NodeReady");
        assert!(matters_to(&changed, &node("waiting", "Initializing", "WaitingForPeers")));
        assert!(!matters_to(&changed, &node("running", "Running", "NodeReady")));
    }
}
