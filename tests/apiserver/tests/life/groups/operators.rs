//! The operator restarts, starts without the kind, and takes over from the Go controller.

use std::time::Duration;

use k8s_openapi::{
    api::core::v1::Pod, apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams},
};
use sei_api::labels;
use sei_testkit::{api_proxy::ApiProxy, builders};
use serde_json::json;

use super::bed::{A, B, Bed, full_nodes};
use crate::harness::{self, api, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_reconciled_once_the_crd_is_installed() {
    let cluster = harness::cluster().await.not_reused();
    let crd = "seinodedeployments.sei.io";
    let crds: Api<CustomResourceDefinition> = Api::all(cluster.client.clone());
    crds.delete(crd, &DeleteParams::default()).await.unwrap();
    eventually("the kind is gone", || async { crds.get_opt(crd).await.unwrap().is_none() }).await;
    let operator = harness::operator(&cluster);
    harness::create(&cluster, "node-0", builders::full_node(A)).await;
    harness::until(&cluster, "node-0", "Running", harness::is_running).await;
    assert!(operator.log().contains("is not installed"), "{}", operator.log());
    sei_testkit::cluster::install_crds(&cluster.client).await.unwrap();
    let bed = Bed { cluster, operator: Some(operator) };
    bed.create(full_nodes(1)).await;
    bed.until_complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_run_although_groups_cannot_be_watched() {
    let cluster = harness::cluster().await;
    let proxy = ApiProxy::in_front_of(&cluster).await.unwrap();
    proxy.deny("seinodedeployments");
    let operator = Some(harness::operator(&cluster));
    let bed = Bed { cluster, operator };
    bed.create(full_nodes(1)).await;
    harness::create(&bed.cluster, "node-0", builders::full_node(A)).await;
    harness::until(&bed.cluster, "node-0", "Running", harness::is_running).await;
    assert_eq!(bed.names().await, ["node-0"], "nothing is known of the group");
    proxy.allow("seinodedeployments");
    bed.until_complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_completes_although_the_operator_is_killed_repeatedly() {
    let mut bed = Bed::start().await;
    bed.create(full_nodes(3)).await;
    bed.until_complete().await;
    let unavailable = bed.count_unavailable();
    bed.set_image(B).await;
    // Each lives a little longer, so that the last of them finishes.
    for lifetime in 1..100 {
        drop(bed.operator.take());
        bed.operator = Some(harness::operator(&bed.cluster));
        tokio::time::sleep(Duration::from_millis(300 * lifetime)).await;
        if bed.ready().await.as_deref() == Some("True/AllNodesReady") {
            break;
        }
    }
    bed.until_complete().await;
    assert_eq!(bed.with_image(B).await, 3);
    assert_eq!(unavailable.most(&bed).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_over_a_group_restarts_nothing_and_later_removals_reach_the_nodes() {
    let mut bed = Bed::start().await;
    let mut spec = full_nodes(2);
    spec["template"]["metadata"] = json!({ "labels": { "team": "core" } });
    spec["template"]["spec"]["overrides"] = json!({ "evm.http_port": "8545" });
    bed.create(spec).await;
    bed.until_complete().await;
    drop(bed.operator.take());
    // Like nodes of the Go controller, which wrote the same fields without server-side apply.
    for node in bed.nodes().await {
        let mut entries = node.metadata.managed_fields.clone().unwrap();
        let of_group = entries
            .iter_mut()
            .find(|entry| entry.manager.as_deref() == Some(labels::DEPLOYMENT_FIELD_MANAGER))
            .unwrap();
        of_group.manager = Some(labels::GO_FIELD_MANAGER.to_owned());
        of_group.operation = Some("Update".to_owned());
        let metadata = json!({ "managedFields": entries, "resourceVersion": node.metadata.resource_version });
        let body = Patch::Merge(json!({ "metadata": metadata }));
        bed.cluster.nodes().patch(&node.name_any(), &PatchParams::default(), &body).await.unwrap();
    }
    let generations = || async {
        let nodes = bed.nodes().await;
        nodes.iter().map(|node| (node.uid(), node.metadata.generation)).collect::<Vec<_>>()
    };
    let pods = || async {
        let pods = api::<Pod>(&bed.cluster).list(&ListParams::default()).await.unwrap().items;
        pods.iter().map(ResourceExt::uid).collect::<Vec<_>>()
    };
    let before = (generations().await, pods().await);
    let _operator = harness::operator(&bed.cluster);
    eventually("no field of a group is the Go controller's", || async {
        bed.nodes().await.iter().all(|node| sei_deployment::taken_over(node).is_none())
    })
    .await;
    bed.until_complete().await;
    assert_eq!((generations().await, pods().await), before);

    bed.edit(json!({ "template": { "metadata": { "labels": null }, "spec": { "overrides": null } } })).await;
    eventually("the dropped fields have left the nodes", || async {
        let gone =
            |node: &sei_api::SeiNode| node.spec.overrides.is_none() && !node.labels().contains_key("team");
        bed.nodes().await.iter().all(gone)
    })
    .await;
}
