//! New nodes replace the old ones of a group.

use k8s_openapi::api::core::v1::{Pod, Service};
use kube::{
    Api, ResourceExt,
    api::{ListParams, PostParams},
};
use sei_api::{SeiNode, SeiNodeDeployment, labels};
use sei_testkit::{builders, cluster::Cluster};
use serde_json::{Value, json};

use super::bed::{A, B, Bed, GROUP, full_nodes};
use crate::harness::{self, api, eventually};

const BLUE: [&str; 2] = ["rpc-0", "rpc-1"];
const GREEN: [&str; 2] = ["rpc-green-0", "rpc-green-1"];

/// Two nodes; replaced ones are deleted immediately.
fn spec() -> Value {
    let mut spec = full_nodes(2);
    spec["updateStrategy"] = json!({ "type": "BlueGreen", "blueGreen": { "scaleDownDelaySeconds": 0 } });
    spec
}

/// The pods that the internal Service selects.
async fn selected(bed: &Bed) -> String {
    let service = api::<Service>(&bed.cluster).get("rpc-internal").await.unwrap();
    service.spec.unwrap().selector.unwrap()[labels::DEPLOYMENT].clone()
}

async fn reason(bed: &Bed, name: &str) -> String {
    let status = bed.groups().get(GROUP).await.unwrap().status.unwrap();
    let node = status.nodes.unwrap().into_iter().find(|node| node.name == name);
    node.and_then(|node| node.reason).unwrap_or_default()
}

/// Identity and pod of each node with one of these names.
async fn identities(bed: &Bed, names: &[&str]) -> Vec<(Option<String>, Option<i64>, Option<String>)> {
    let mut found = Vec::new();
    for name in names {
        let node = bed.cluster.nodes().get(name).await.unwrap();
        let pod = api::<Pod>(&bed.cluster).get(&format!("{name}-0")).await.unwrap();
        found.push((node.uid(), node.metadata.generation, pod.uid()));
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn traffic_moves_to_the_new_nodes_once_all_have_caught_up_and_names_alternate() {
    let mut bed = Bed::start().await;
    bed.create(spec()).await;
    bed.until_complete().await;
    let before = identities(&bed, &BLUE).await;
    let host = Cluster::host("rpc-green-1");
    bed.cluster.simulator.seid(&host, |seid| seid.catching_up = true);
    bed.set_image(B).await;
    eventually("one node is catching up", || async { reason(&bed, "rpc-green-1").await == "CatchingUp" })
        .await;
    assert_eq!(bed.names().await, [BLUE, GREEN].concat());
    assert_eq!(selected(&bed).await, "rpc");
    assert_eq!(identities(&bed, &BLUE).await, before, "the old nodes serve as before");

    // The next operator resumes the update.
    drop(bed.operator.take());
    bed.cluster.simulator.seid(&host, |seid| seid.catching_up = false);
    bed.operator = Some(harness::operator(&bed.cluster));
    bed.until_complete().await;
    assert_eq!(bed.names().await, GREEN);
    assert_eq!(selected(&bed).await, "rpc.green");

    bed.set_image(A).await;
    bed.until_complete().await;
    assert_eq!(bed.names().await, BLUE);
    assert_eq!(selected(&bed).await, "rpc");
    assert_eq!(bed.with_image(A).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_is_stuck_is_superseded_or_reverted_while_the_old_nodes_serve() {
    let bed = Bed::start().await;
    bed.create(spec()).await;
    bed.until_complete().await;
    let before = identities(&bed, &BLUE).await;
    harness::stuck(&bed.cluster, "rpc-green-0", &["mark-ready"]);
    bed.set_image(B).await;
    bed.until_ready("False/UpdateInProgress").await;
    harness::until(&bed.cluster, "rpc-green-1", "Running", harness::is_running).await;
    let superseding = "ghcr.io/sei-protocol/sei:c";
    bed.set_image(superseding).await;
    eventually("the new nodes get the next image", || async { bed.with_image(superseding).await == 2 }).await;
    assert_eq!(bed.names().await, [BLUE, GREEN].concat());
    bed.set_image(A).await;
    bed.until_complete().await;
    eventually("the new nodes are gone", || async { bed.names().await == BLUE }).await;
    assert_eq!(selected(&bed).await, "rpc");
    assert_eq!(identities(&bed, &BLUE).await, before, "the old nodes were never touched");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_set_of_the_go_controller_is_taken_over_and_replaced_by_the_next_update() {
    let mut bed = Bed::start().await;
    drop(bed.operator.take());
    bed.create(spec()).await;
    let group = bed.groups().get(GROUP).await.unwrap();
    let entrants = ["rpc-g2-0", "rpc-g2-1"];
    for (ordinal, name) in entrants.iter().enumerate() {
        let node = second_set_node(&group, name, ordinal);
        bed.cluster.nodes().create(&PostParams::default(), &node).await.unwrap();
    }
    bed.operator = Some(harness::operator(&bed.cluster));
    bed.until_complete().await;
    assert_eq!(bed.names().await, entrants);
    let pods: Api<Pod> = api(&bed.cluster);
    assert_eq!(pods.list(&ListParams::default()).await.unwrap().items.len(), 2);
    assert_eq!(selected(&bed).await, "rpc");
    let generations = identities(&bed, &entrants).await.into_iter().map(|(_, generation, _)| generation);
    assert!(generations.eq([Some(1); 2]), "taking over changes no spec");

    bed.set_image(B).await;
    bed.until_complete().await;
    assert_eq!(bed.names().await, GREEN);
    assert_eq!(selected(&bed).await, "rpc.green");
}

/// A SeiNode as the Go controller creates it for a second set.
fn second_set_node(group: &SeiNodeDeployment, name: &str, ordinal: usize) -> SeiNode {
    let of_group = json!({ labels::DEPLOYMENT: GROUP, labels::REVISION: "2" });
    let mut node = json!({
        "apiVersion": "sei.io/v1alpha1", "kind": "SeiNode",
        "metadata": {
            "name": name,
            "labels": {
                labels::DEPLOYMENT: GROUP, labels::REVISION: "2", labels::DEPLOYMENT_ORDINAL: ordinal.to_string(),
            },
            "ownerReferences": [{
                "apiVersion": "sei.io/v1alpha1", "kind": "SeiNodeDeployment", "name": GROUP, "uid": group.uid(),
                "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "spec": builders::full_node(A),
    });
    node["spec"]["podLabels"] = of_group;
    serde_json::from_value(node).unwrap()
}
