//! Changes of the configuration of running nodes.

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt};
use sei_api::conditions::ConditionType;
use sei_testkit::{
    builders,
    cluster::{Cluster, NAMESPACE},
};
use serde_json::{Value, json};

use crate::harness::{self, condition, is_running, patch, runs, until, until_condition};

const A: &str = "ghcr.io/sei-protocol/sei:a";
const B: &str = "ghcr.io/sei-protocol/sei:b";

/// Parameters of the last config-apply that was sent to the node's sidecar.
fn applied(cluster: &Cluster, name: &str) -> Value {
    let calls = cluster.simulator.calls(&Cluster::host(name));
    let last = calls.iter().rev().find(|call| call.body["type"] == "config-apply").unwrap();
    last.body["params"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_configuration_reaches_a_running_node_with_the_image_or_at_once() {
    let cluster = harness::cluster().await;
    let _operator = harness::operator(&cluster);
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    for name in ["with-image-0", "immediate-0"] {
        harness::create(&cluster, name, builders::full_node(A)).await;
    }
    for name in ["with-image-0", "immediate-0"] {
        until(&cluster, name, "Running", is_running).await;
    }
    let before = pods.get("with-image-0-0").await.unwrap().uid();
    let old = pods.get("immediate-0-0").await.unwrap().uid();
    let overrides = json!({ "evm.http_port": "9545" });

    patch(&cluster, "with-image-0", json!({ "spec": { "overrides": overrides } })).await;
    patch(
        &cluster,
        "immediate-0",
        json!({ "spec": { "overrides": overrides, "configRollout": "Immediate" } }),
    )
    .await;
    let honored = ConditionType::SpecHonored;
    until_condition(&cluster, "with-image-0", honored, "False/FieldPending", "spec.overrides").await;
    until(&cluster, "immediate-0", "restarted", |node| {
        let updated =
            condition(node, ConditionType::NodeUpdateInProgress).as_deref() == Some("False/UpdateComplete");
        let ready = condition(node, ConditionType::Ready).as_deref() == Some("True/NodeReady");
        updated && ready && condition(node, honored).is_none()
    })
    .await;
    assert_ne!(pods.get("immediate-0-0").await.unwrap().uid(), old, "its pod was replaced");
    let params = applied(&cluster, "immediate-0");
    assert_eq!(
        (&params["incremental"], &params["overrides"]["evm.http_port"]),
        (&json!(true), &json!("9545"))
    );

    assert_eq!(pods.get("with-image-0-0").await.unwrap().uid(), before, "the pod of the other one was not");
    assert_eq!(applied(&cluster, "with-image-0")["incremental"], false, "nothing was written yet");
    harness::set_image(&cluster, "with-image-0", B).await;
    until(&cluster, "with-image-0", "updated", runs(B)).await;
    assert_eq!(applied(&cluster, "with-image-0")["overrides"]["evm.http_port"], "9545");
    for name in ["with-image-0", "immediate-0"] {
        assert!(cluster.simulator.repeated(&Cluster::host(name)).is_empty());
    }
}
