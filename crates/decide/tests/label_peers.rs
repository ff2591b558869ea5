//! A fleet whose nodes all select each other by label: the cost does not grow quadratically.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

use std::sync::Arc;

use sei_api::SeiNode;
use sei_decide::neighbours::{MOST, affects, peers};
use sei_render::Platform;
use serde_json::json;

const NODES: usize = 3000;
/// Limit for the peers in the status of one node, in bytes.
const STATUS_LIMIT: usize = 6144;

fn node(index: usize, phase: &str, ready: &str) -> Arc<SeiNode> {
    let condition = json!({ "type": "Ready", "status": "False", "reason": ready, "message": "",
        "lastTransitionTime": "2027-01-01T00:00:00Z" });
    let node = json!({
        "apiVersion": "sei.io/v1alpha1", "kind": "SeiNode",
        "metadata": { "name": format!("pacific-1-rpc-{index:04}"), "namespace": "pacific-1", "labels": { "net": "a" } },
        "spec": { "chainId": "pacific-1", "image": "i", "fullNode": {},
            "peers": [{ "label": { "selector": { "net": "a" } } }] },
        "status": { "phase": phase, "conditions": [condition] },
    });
    Arc::new(serde_json::from_value(node).unwrap())
}

#[test]
fn the_status_of_a_node_among_thousands_of_peers_stays_small() {
    let fleet: Vec<_> = (0..NODES).map(|index| node(index, "Running", "NodeReady")).collect();
    let settings = include_str!("../../../tests/conformance/full-tls/platform.env");
    let settings = settings.lines().filter_map(|line| line.split_once('='));
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let platform = Platform::from_settings(&settings.collect()).unwrap();
    for own in fleet.iter().step_by(NODES / 20) {
        let others = fleet.iter().filter(|other| !Arc::ptr_eq(own, other)).cloned();
        let id = |_: &SeiNode| Some("0123456789abcdef0123456789abcdef01234567".to_owned());
        let found = peers(own, others, &platform, id).unwrap();
        assert_eq!(found.addresses.len(), MOST);
        let bytes = serde_json::to_vec(&found.addresses).unwrap().len();
        println!("{bytes} bytes of peers");
        assert!(bytes <= STATUS_LIMIT, "{bytes}");
    }
}

/// How many nodes of `fleet` are requeued when each of `changed` changes once.
fn wakes(changed: &[Arc<SeiNode>], fleet: &[Arc<SeiNode>]) -> usize {
    changed.iter().map(|changed| fleet.iter().filter(|other| affects(changed, other)).count()).sum()
}

#[test]
fn changes_in_a_fleet_wake_only_the_nodes_that_wait_for_peers() {
    const WAITING: usize = 5;
    let running: Vec<_> = (0..NODES).map(|index| node(index, "Running", "NodeReady")).collect();
    let waiting: Vec<_> =
        (0..WAITING).map(|index| node(NODES + index, "Initializing", "WaitingForPeers")).collect();
    let sample = &running[..100];
    assert_eq!(wakes(sample, &running), 0, "a fleet without changes requeues no node");
    assert_eq!(wakes(sample, &waiting), sample.len() * WAITING);
    assert_eq!(wakes(&waiting, &running), 0, "new nodes requeue no node that has its peers");
}
