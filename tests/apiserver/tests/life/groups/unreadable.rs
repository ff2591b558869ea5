//! A group that cannot be decoded, and a node of a group that cannot.

use kube::api::{Patch, PatchParams, PostParams};
use sei_api::SeiNodeDeployment;
use sei_testkit::cluster::{self, Cluster};
use serde_json::json;

use super::bed::{Bed, GROUP, full_nodes};
use crate::{
    harness::eventually,
    unreadable::{condition, raw, weaken},
};

/// The reason of a node in the status of the group.
async fn reason(bed: &Bed, node: usize) -> Option<String> {
    let status = bed.groups().get(GROUP).await.unwrap().status?;
    status.nodes?.get(node)?.reason.clone()
}

async fn restore(cluster: &Cluster) {
    cluster::install_crds(&cluster.client).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_be_decoded_is_named_by_its_group_until_it_is_corrected() {
    let bed = Bed::start().await;
    bed.create(full_nodes(2)).await;
    bed.until_complete().await;
    weaken(&bed.cluster, sei_api::crd_manifest().unwrap(), "/properties/spec").await;
    let nodes = raw::<sei_api::SeiNode>(&bed.cluster);
    let broken = Patch::Merge(json!({ "spec": { "entrypoint": "none" } }));
    eventually("the weaker CRD is served", || async {
        nodes.patch("rpc-1", &PatchParams::default(), &broken).await.is_ok()
    })
    .await;
    restore(&bed.cluster).await;
    eventually("the group names it", || async { reason(&bed, 1).await.as_deref() == Some("Unreadable") })
        .await;
    bed.until_ready("False/NodeStalled").await;
    let corrected = Patch::Merge(json!({ "spec": { "entrypoint": null } }));
    nodes.patch("rpc-1", &PatchParams::default(), &corrected).await.unwrap();
    bed.until_complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_cannot_be_decoded_blocks_no_other_and_reports_the_field() {
    let bed = Bed::start().await;
    let manifest = sei_api::deployment_crd_manifest().unwrap();
    weaken(&bed.cluster, manifest, "/properties/spec/properties/template/properties/spec").await;
    let mut spec = full_nodes(1);
    spec["template"]["spec"]["entrypoint"] = json!("none");
    let broken = serde_json::from_value(json!({
        "apiVersion": "sei.io/v1alpha1", "kind": "SeiNodeDeployment", "metadata": { "name": "broken" }, "spec": spec,
    }))
    .unwrap();
    let groups = raw::<SeiNodeDeployment>(&bed.cluster);
    eventually("the weaker CRD is served", || async {
        groups.create(&PostParams::default(), &broken).await.is_ok()
    })
    .await;
    restore(&bed.cluster).await;
    bed.create(full_nodes(1)).await;
    bed.until_complete().await;
    eventually("the broken one says what is wrong", || async {
        let stalled = condition(&groups.get("broken").await.unwrap(), "Stalled");
        stalled.is_some_and(|said| said.starts_with("Unreadable: ") && said.contains("entrypoint"))
    })
    .await;
}
