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
    let settings = include_str!("../../../../tests/conformance/full-tls/platform.env");
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
    let awaited =
        |found: &Peers, seconds| found.are_awaited(false, Some(start), start + Duration::from_secs(seconds));
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
    assert!(affects(&changed, &node("waiting", "Initializing", "WaitingForPeers")));
    assert!(!affects(&changed, &node("running", "Running", "NodeReady")));
}

proptest! {
    /// Regardless of which peers respond: the list is bounded, sorted, contains only selected nodes, and does not
    /// change when peers stop responding; an additional node changes at most one entry.
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
