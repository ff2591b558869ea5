//! Other SeiNodes: the peers that are selected by labels.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use sei_api::{
    SeiNode,
    conditions::{ConditionType, ReadyReason},
    names, ports,
    v1alpha1::{LabelPeers, NodePhase},
};
use sei_node::is_peer_address;
use sei_render::Platform;

/// seid connects to some tens of peers; more only lengthen the status and the configuration.
pub const MOST: usize = 40;
/// How long a node that has some peers waits for the others.
const OTHERS: Duration = Duration::from_secs(30);
/// How long a node waits for its first peer.
const FIRST: Duration = Duration::from_secs(300);

/// The peers found by the label sources of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peers {
    /// `id@host:port` of peers with a known ID, at most [`MOST`], sorted.
    pub addresses: Vec<String>,
    /// DNS names of preferred peers whose ID was never known, sorted. Their sidecars report it before their
    /// seid runs, so nodes that select each other find each other.
    pub silent: Vec<String>,
}

impl Peers {
    /// Whether a node that has waited since `since` has to wait longer for the IDs of its peers. It starts
    /// without those that do not respond: peers find each other once one of them has connected to another. A
    /// node that needs a peer, `is_needed`, does not start without any.
    pub fn are_awaited(&self, is_needed: bool, since: Option<Timestamp>, now: Timestamp) -> bool {
        if is_needed && self.addresses.is_empty() {
            return true;
        }
        let waited = since.and_then(|since| Duration::try_from(now.duration_since(since)).ok());
        let limit = if self.addresses.is_empty() { FIRST } else { OTHERS };
        !self.silent.is_empty() && waited.unwrap_or_default() < limit
    }
}

/// The peers that the label sources of `node` select among `others`, in namespaces that `platform` allows.
/// `None` without label sources. `node_id` is the ID reported by the sidecar of another node; for one that
/// has not responded since the operator started, the entry in the node's status is kept.
pub fn peers(
    node: &SeiNode,
    others: impl Iterator<Item = Arc<SeiNode>>,
    platform: &Platform,
    node_id: impl Fn(&SeiNode) -> Option<String>,
) -> Option<Peers> {
    label_sources(node).next()?;
    let before = last_known(node);
    let found = others.filter(|other| is_peer(node, other, platform));
    let mut found: Vec<_> = found.map(|other| (preference(node, &other), other)).collect();
    found.sort_unstable_by(|(one, node), (other, peer)| {
        one.cmp(other).then_with(|| name_of(node).cmp(&name_of(peer)))
    });
    let mut peers = Peers::default();
    for (place, (_, other)) in found.iter().enumerate() {
        if place >= MOST && peers.addresses.len() == MOST {
            break;
        }
        let name = names::pod_dns(other, platform.cluster_domain());
        let address = address(&name, other);
        let id = node_id(other).or_else(|| before.get(address.as_str()).map(|id| (*id).to_owned()));
        match id {
            Some(id) if peers.addresses.len() < MOST => peers.addresses.push(format!("{id}@{address}")),
            None if place < MOST => peers.silent.push(name),
            _ => {}
        }
    }
    peers.addresses.sort();
    peers.silent.sort();
    Some(peers)
}

/// IDs of the peers in the node's status, by address. The status of the Go controller may contain DNS names
/// instead.
fn last_known(node: &SeiNode) -> BTreeMap<&str, &str> {
    let known = node.status.iter().flat_map(|status| status.resolved_peers.iter().flatten());
    let known = known.filter(|peer| is_peer_address(peer));
    known.filter_map(|peer| peer.split_once('@')).map(|(id, address)| (address, id)).collect()
}

/// The address of the seid of `other`: its external address, or else the one in the cluster.
fn address(name: &str, other: &SeiNode) -> String {
    let external = other.external_address().map(str::to_owned);
    let is_usable = |address: &String| is_peer_address(&format!("{}@{address}", "0".repeat(40)));
    external.filter(is_usable).unwrap_or_else(|| format!("{name}:{}", ports::P2P))
}

/// Orders peers differently for each node, and deterministically (FNV-1a), so that a large fleet is one
/// connected network and a change of one peer changes few lists.
fn preference(node: &SeiNode, peer: &SeiNode) -> u64 {
    let parts = [name_of(node), name_of(peer)];
    let bytes =
        parts.iter().flat_map(|(namespace, name)| [namespace.as_bytes(), b"/", name.as_bytes(), b" "]);
    let hash = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.flatten().fold(0xcbf2_9ce4_8422_2325, hash)
}

fn name_of(node: &SeiNode) -> (&str, &str) {
    (names::namespace(node), names::node(node))
}

/// Whether `other` has to be reconciled soon because `node` changed: it waits for peers, or it needs the
/// volume or key that the other uses. A node that already has peers refreshes its list in its next pass.
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

/// Whether a label source of `node` selects `other`, which is of the same chain and usable.
fn is_peer(node: &SeiNode, other: &SeiNode, platform: &Platform) -> bool {
    label_sources(node).any(|source| allows(platform, node, source) && selects(node, other, source))
        && other.spec.chain_id == node.spec.chain_id
        && other.metadata.deletion_timestamp.is_none()
        && phase(other) != Some(NodePhase::Failed)
}

/// Whether `platform` allows `source` of `node` to select peers in its namespace.
fn allows(platform: &Platform, node: &SeiNode, source: &LabelPeers) -> bool {
    let namespace = namespace(node, source);
    namespace == names::namespace(node) || platform.allows_peers_of(namespace)
}

/// The namespaces in which the label sources of `node` look.
pub fn namespaces(node: &SeiNode) -> impl Iterator<Item = &str> {
    label_sources(node).map(|source| namespace(node, source))
}

/// The namespace of `source` of `node`.
fn namespace<'a>(node: &'a SeiNode, source: &'a LabelPeers) -> &'a str {
    let named = source.namespace.as_deref().filter(|namespace| !namespace.is_empty());
    named.unwrap_or(names::namespace(node))
}

/// What to report about label sources with namespaces that are not allowed.
pub(crate) fn refused_namespaces(node: &SeiNode, platform: &Platform) -> impl Iterator<Item = String> {
    let peers = node.spec.peers.iter().flatten().enumerate();
    let labels = peers.filter_map(|(index, source)| Some((index, source.label.as_ref()?)));
    let refused = labels.filter(|(_, source)| !allows(platform, node, source));
    refused.map(|(index, source)| {
        format!(
            "spec.peers[{index}].label finds no peers: the platform does not allow peers of namespace {} (setting SEI_PEER_NAMESPACES)",
            namespace(node, source)
        )
    })
}

fn phase(node: &SeiNode) -> Option<NodePhase> {
    node.status.as_ref()?.phase
}

/// Whether `source` of `node` matches `other` by namespace and labels.
fn selects(node: &SeiNode, other: &SeiNode, source: &LabelPeers) -> bool {
    let labels = other.metadata.labels.as_ref();
    names::namespace(other) == namespace(node, source)
        && source.selector.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef01234567";

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

    fn changed(node: &Arc<SeiNode>, change: impl FnOnce(&mut SeiNode)) -> Arc<SeiNode> {
        let mut node = SeiNode::clone(node);
        change(&mut node);
        Arc::new(node)
    }

    fn fleet(count: usize) -> Vec<Arc<SeiNode>> {
        (0..count).map(|index| node(&format!("n{index}"), "Running", "NodeReady")).collect()
    }

    fn platform(peer_namespaces: &str) -> Platform {
        platform_with(("SEI_PEER_NAMESPACES", peer_namespaces))
    }

    fn platform_with(more: (&str, &str)) -> Platform {
        let settings = include_str!("../../../tests/conformance/full-tls/platform.env");
        let settings = settings.lines().filter_map(|line| line.split_once('='));
        let more = [more];
        let settings = settings.chain(more).map(|(name, value)| (name.to_owned(), value.to_owned()));
        Platform::from_settings(&settings.collect()).unwrap()
    }

    /// A different ID for each node.
    fn id(node: &SeiNode) -> Option<String> {
        Some(format!("{:0>40x}", preference(node, node)))
    }

    fn find(node: &SeiNode, others: &[Arc<SeiNode>], ids: impl Fn(&SeiNode) -> Option<String>) -> Peers {
        peers(node, others.iter().cloned(), &platform(""), ids).unwrap()
    }

    #[test]
    fn in_a_large_fleet_each_node_has_some_peers_and_all_are_connected() {
        let (fleet, mut reached) = (fleet(300), BTreeSet::new());
        for own in &fleet {
            let others: Vec<_> = fleet.iter().filter(|other| !Arc::ptr_eq(own, other)).cloned().collect();
            let found = find(own, &others, id);
            assert_eq!((found.addresses.len(), found.silent.len()), (MOST, 0));
            reached.extend(found.addresses);
        }
        assert_eq!(reached.len(), 300);
    }

    #[test]
    fn the_address_of_a_peer_is_its_external_one_or_that_in_the_cluster() {
        let own = node("own", "Pending", "WaitingForPod");
        let other = node("other", "Pending", "WaitingForPod");
        let at = |other: &Arc<SeiNode>| find(&own, &[Arc::clone(other)], |_| Some(ID.to_owned())).addresses;
        let inside = format!("{ID}@other-0.other.sei.svc.cluster.local:26656");
        assert_eq!(at(&other), [inside.as_str()]);
        let external = |address: &str| {
            changed(&other, |node| {
                node.status.get_or_insert_default().external_address = Some(address.to_owned());
            })
        };
        assert_eq!(at(&external("p2p.example:443")), [format!("{ID}@p2p.example:443")]);
        assert_eq!(at(&external("not an address")), [inside.as_str()]);
        let platform = platform_with(("SEI_CLUSTER_DOMAIN", "k8s.example"));
        let found = peers(&own, [other].into_iter(), &platform, |_| Some(ID.to_owned())).unwrap();
        assert_eq!(found.addresses, [format!("{ID}@other-0.other.sei.svc.k8s.example:26656")]);
    }

    #[test]
    fn nodes_wait_for_the_ids_of_their_peers_but_not_forever() {
        let own = node("own", "Pending", "WaitingForPod");
        let others = [node("a", "Pending", ""), node("b", "Pending", "")];
        let start = Timestamp::UNIX_EPOCH;
        let awaited = |found: &Peers, seconds| {
            found.are_awaited(false, Some(start), start + Duration::from_secs(seconds))
        };
        let none = find(&own, &others, |_| None);
        assert_eq!(none.silent.len(), 2);
        assert!(none.are_awaited(false, None, start) && awaited(&none, 299) && !awaited(&none, 300));
        let one = find(&own, &others, |other| (names::node(other) == "a").then(|| ID.to_owned()));
        assert_eq!(one.silent, ["b-0.b.sei.svc.cluster.local"]);
        assert!(awaited(&one, 29) && !awaited(&one, 30));
        assert!(!find(&own, &others, id).are_awaited(false, None, start), "all IDs are known");
        assert!(!find(&own, &[], id).are_awaited(false, None, start), "there are no peers");
        assert!(find(&own, &[], id).are_awaited(true, Some(start), start + Duration::from_secs(9999)));
    }

    #[test]
    fn dns_names_in_the_status_of_the_go_controller_are_not_used_as_addresses() {
        let host = "a-0.a.sei.svc.cluster.local";
        let known = |entries: &[String]| {
            let own = changed(&node("own", "Running", "NodeReady"), |own| {
                own.status.get_or_insert_default().resolved_peers = Some(entries.to_vec());
            });
            find(&own, &[node("a", "Running", "NodeReady")], |_| None)
        };
        assert_eq!(known(&[host.to_owned()]).silent, [host]);
        let address = format!("{ID}@{host}:26656");
        assert_eq!(known(std::slice::from_ref(&address)).addresses, [address]);
    }

    #[test]
    fn peers_of_another_namespace_are_found_only_where_the_platform_allows_it() {
        let own = changed(&node("own", "Running", "NodeReady"), |own| {
            let sources = json!([{ "label": { "selector": { "net": "a" }, "namespace": "theirs" } }]);
            own.spec.peers = serde_json::from_value(sources).unwrap();
        });
        let other = changed(&node("other", "Running", "NodeReady"), |other| {
            other.metadata.namespace = Some("theirs".to_owned());
        });
        for (allowed, count) in [("", 1), ("theirs, ours", 1), ("ours", 0), ("their", 0)] {
            let platform = platform(allowed);
            let found = peers(&own, [Arc::clone(&other)].into_iter(), &platform, id).unwrap();
            assert_eq!(found.addresses.len(), count, "{allowed:?}");
            let refused: Vec<_> = refused_namespaces(&own, &platform).collect();
            assert_eq!(refused.len(), 1 - count, "{refused:?}");
        }
        let at_home = node("own", "Running", "NodeReady");
        assert_eq!(refused_namespaces(&at_home, &platform("ours")).count(), 0, "a node's own namespace");
    }

    #[test]
    fn a_peer_requeues_only_nodes_that_wait_for_peers() {
        let changed = node("changed", "Running", "NodeReady");
        assert!(matters_to(&changed, &node("waiting", "Initializing", "WaitingForPeers")));
        assert!(!matters_to(&changed, &node("running", "Running", "NodeReady")));
    }

    proptest! {
        /// Regardless of which peers respond: the list is bounded, sorted, contains only selected nodes, and
        /// is unchanged when no peer responds any more; and an additional node changes at most one entry.
        #[test]
        fn peers_are_bounded_and_stable(count in 0..100usize, responds in prop::collection::vec(any::<bool>(), 101)) {
            let fleet = fleet(count + 1);
            let answers = |node: &SeiNode| {
                let index: usize = names::node(node)[1..].parse().unwrap();
                id(node).filter(|_| responds[index])
            };
            let own = node("own", "Running", "NodeReady");
            let before = find(&own, &fleet[..count], answers);
            prop_assert!(before.addresses.len() <= MOST && before.silent.len() <= MOST);
            prop_assert!(before.addresses.is_sorted_by(|one, next| one < next));
            prop_assert!(before.addresses.iter().all(|address| is_peer_address(address)));
            let known = fleet[..count].iter().filter(|node| answers(node).is_some()).count();
            prop_assert_eq!(before.addresses.len(), known.min(MOST));

            let after = find(&own, &fleet, answers);
            let gone = before.addresses.iter().filter(|address| !after.addresses.contains(address)).count();
            prop_assert!(gone <= 1, "{gone} entries were replaced by one node");

            let restarted = changed(&own, |own| {
                own.status.get_or_insert_default().resolved_peers = Some(before.addresses.clone());
            });
            prop_assert_eq!(find(&restarted, &fleet[..count], |_| None).addresses, before.addresses);
        }
    }
}
