//! Nodes that find each other as peers, regardless of the versions of their sidecars.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, Patch, PatchParams};
use sei_api::conditions::ConditionType;
use sei_testkit::{
    builders,
    cluster::{Cluster, NAMESPACE},
};
use serde_json::{Value, json};

use crate::harness::{self, eventually, is_running, until};

const A: &str = "ghcr.io/sei-protocol/sei:v6.4.1";

fn seictl(version: &str) -> Value {
    json!({ "image": format!("ghcr.io/sei-protocol/seictl:{version}") })
}

/// A node whose peer is `other`.
async fn create(cluster: &Cluster, name: &str, other: &str, version: &str) {
    let peers = json!([{ "label": { "selector": { "sei.io/node": other } } }]);
    let spec = json!({
        "chainId": "arctic-1", "image": A, "fullNode": {}, "peers": peers, "sidecar": seictl(version),
    });
    harness::create_labelled(cluster, name, json!({ "sei.io/node": name }), spec).await;
}

fn peers(cluster: &Cluster, name: &str) -> String {
    let config = cluster.simulator.home(&Cluster::host(name)).read("config/config.toml").unwrap().unwrap();
    let line = config.lines().find_map(|line| line.strip_prefix("persistent-peers = ")).unwrap();
    line.trim_matches('"').to_owned()
}

fn count(cluster: &Cluster, name: &str, path: &str) -> usize {
    cluster.simulator.calls(&Cluster::host(name)).iter().filter(|call| call.path == path).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_with_old_and_new_sidecars_find_each_other_and_keep_their_peers() {
    let cluster = harness::cluster().await;
    let operator = harness::operator(&cluster);
    create(&cluster, "new-0", "old-0", "v0.0.70").await;
    create(&cluster, "old-0", "new-0", "v0.0.50").await;
    let mut resolved = Vec::new();
    for (name, other) in [("new-0", "old-0"), ("old-0", "new-0")] {
        let node = until(&cluster, name, "Running", is_running).await;
        let found = node.status.unwrap().resolved_peers.unwrap();
        assert!(found[0].ends_with(&format!("@{}:26656", Cluster::host(other))), "{found:?}");
        assert_eq!(peers(&cluster, name), found.join(","), "{name}");
        assert_eq!(count(&cluster, name, "/v0/node-id"), 1, "{name} is asked once");
        assert!(!cluster.simulator.runs(&Cluster::host(name)).contains_key("discover-peers"));
        resolved.push((name, found));
    }
    // Another process of the operator, and a peer that does not respond to it.
    drop(operator);
    cluster.simulator.faults(&Cluster::host("old-0"), |faults| faults.answer = Some(503));
    let _operator = harness::operator(&cluster);
    let pods = harness::api::<Pod>(&cluster);
    pods.delete("new-0-0", &DeleteParams::default()).await.unwrap();
    eventually("the operator has asked the other", || async { count(&cluster, "new-0", "/v0/node-id") > 1 })
        .await;
    for (name, found) in resolved {
        let node = cluster.nodes().get(name).await.unwrap();
        assert_eq!(node.status.unwrap().resolved_peers, Some(found), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_plan_skips_discover_peers_if_the_sidecar_does_not_support_it() {
    let cluster = harness::cluster().await;
    let peer = "3be6b24cf86a5938cce7d48f44fb6598465a9924@p2p.example:26656";
    let fixed = json!([{ "static": { "addresses": [peer] } }]);
    for (name, version) in [("modern-0", "v0.0.57"), ("old-0", "v0.0.56")] {
        let spec = json!({
            "chainId": "arctic-1", "image": A, "fullNode": {}, "peers": fixed, "sidecar": seictl(version),
        });
        harness::create(&cluster, name, spec).await;
        let task = |(index, type_): (usize, &&str)| {
            let params = match *type_ {
                "config-apply" => json!({ "mode": "full" }),
                "discover-peers" => json!({ "Sources": [{ "type": "static", "addresses": [peer] }] }),
                _ => json!({ "nodeName": name, "namespace": NAMESPACE }),
            };
            let id = format!("00000000-0000-5000-8000-{index:012}");
            json!({ "type": type_, "id": id, "status": "Pending", "params": params })
        };
        let tasks = [
            "ensure-data-pvc",
            "apply-statefulset",
            "apply-service",
            "configure-genesis",
            "config-apply",
            "discover-peers",
            "config-validate",
            "mark-ready",
        ];
        let plan = json!({
            "id": "11111111-2222-4333-8444-555555555555", "phase": "Active",
            "targetPhase": "Running", "failedPhase": "Failed",
            "tasks": tasks.iter().enumerate().map(task).collect::<Vec<_>>(),
        });
        let status = json!({ "status": { "phase": "Initializing", "plan": plan } });
        cluster.nodes().patch_status(name, &PatchParams::default(), &Patch::Merge(&status)).await.unwrap();
    }
    let _operator = harness::operator(&cluster);
    for (name, applied, discovered) in [("modern-0", 2, None), ("old-0", 1, Some(&1))] {
        until(&cluster, name, "Running", is_running).await;
        assert_eq!(peers(&cluster, name), peer, "{name}");
        let runs = cluster.simulator.runs(&Cluster::host(name));
        assert_eq!((runs["config-apply"], runs.get("discover-peers")), (applied, discovered), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ec2_instances_are_found_by_old_sidecars_and_reported_as_without_effect_with_new_ones() {
    let cluster = harness::cluster().await;
    let _operator = harness::operator(&cluster);
    let tags = json!([{ "ec2Tags": { "region": "us-east-2", "tags": { "Chain": "arctic-1" } } }]);
    for (name, version) in [("modern-0", "v0.0.70"), ("old-0", "v0.0.50")] {
        let spec = json!({
            "chainId": "arctic-1", "image": A, "fullNode": {}, "peers": tags, "sidecar": seictl(version),
        });
        harness::create(&cluster, name, spec).await;
        until(&cluster, name, "Running", is_running).await;
    }
    assert!(peers(&cluster, "old-0").ends_with("@ec2.example:26656"));
    assert_eq!(peers(&cluster, "modern-0"), "");
    let honored = ConditionType::SpecHonored;
    harness::until_condition(&cluster, "modern-0", honored, "False/FieldWithoutEffect", "static.addresses")
        .await;
    assert_eq!(harness::condition(&cluster.nodes().get("old-0").await.unwrap(), honored), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_of_another_namespace_are_found_only_where_the_platform_allows_it() {
    let cluster = harness::cluster().await;
    let _operator = harness::operator_with(&cluster, &[("SEI_PEER_NAMESPACES", "allowed".to_owned())]);
    let theirs = json!([{ "label": { "selector": { "net": "a" }, "namespace": "theirs" } }]);
    let mut spec = builders::full_node(A);
    spec["peers"] = theirs;
    harness::create(&cluster, "rpc-0", spec).await;
    until(&cluster, "rpc-0", "Running", is_running).await;
    let honored = ConditionType::SpecHonored;
    harness::until_condition(&cluster, "rpc-0", honored, "False/FieldWithoutEffect", "SEI_PEER_NAMESPACES")
        .await;
}
