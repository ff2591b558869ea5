//! Nodes that are paused or stopped.

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt};
use sei_api::conditions::ConditionType;
use sei_testkit::{builders, cluster::NAMESPACE};
use serde_json::json;

use crate::harness::{self, condition, eventually, is_running, patch, runs, until};

const A: &str = "ghcr.io/sei-protocol/sei:a";
const B: &str = "ghcr.io/sei-protocol/sei:b";

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_node_keeps_its_pod_and_a_stopped_one_does_not() {
    let cluster = harness::cluster().await;
    let _operator = harness::operator(&cluster);
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    harness::create(&cluster, "node-0", builders::full_node(A)).await;
    until(&cluster, "node-0", "Running", is_running).await;
    let pod = pods.get("node-0-0").await.unwrap();

    patch(&cluster, "node-0", json!({ "spec": { "paused": true, "image": B } })).await;
    until(&cluster, "node-0", "paused", |node| {
        condition(node, ConditionType::Ready).as_deref() == Some("False/Paused")
    })
    .await;
    assert_eq!(pods.get("node-0-0").await.unwrap().uid(), pod.uid(), "the pod is the same");

    patch(&cluster, "node-0", json!({ "spec": { "stopped": true } })).await;
    eventually("the pod is gone", || async { pods.get_opt("node-0-0").await.unwrap().is_none() }).await;

    patch(&cluster, "node-0", json!({ "spec": { "paused": null, "stopped": null } })).await;
    until(&cluster, "node-0", "updated", runs(B)).await;
}
