//! Ownership of nodes: retained, adopted, foreign, and deleted with their group.

use std::time::{Duration, Instant};

use kube::{
    ResourceExt,
    api::{DeleteParams, Patch, PatchParams},
};
use sei_api::{SeiNode, SeiNodeDeployment, labels::DEPLOYMENT_FINALIZER};
use sei_testkit::{api_proxy::ApiProxy, builders};
use serde_json::json;

use super::bed::{A, Bed, GROUP, full_nodes};
use crate::harness::{self, eventually, nothing_left_but};

#[tokio::test(flavor = "multi_thread")]
async fn retained_nodes_are_adopted_unchanged_and_foreign_ones_are_not() {
    let bed = Bed::start().await;
    let mut spec = full_nodes(2);
    spec["deletionPolicy"] = json!("Retain");
    bed.create(spec.clone()).await;
    bed.until_complete().await;
    let shown = |node: &SeiNode| (node.uid(), node.metadata.generation);
    let before = bed.cluster.nodes().get("rpc-1").await.unwrap();
    bed.delete().await;
    let retained = bed.cluster.nodes().get("rpc-1").await.unwrap();
    assert_eq!((retained.owner_references(), &retained.metadata.deletion_timestamp), (&[][..], &None));

    let mut foreign = builders::full_node(A);
    foreign["chainId"] = json!("other-1");
    harness::create(&bed.cluster, "rpc-2", foreign).await;
    harness::until(&bed.cluster, "rpc-2", "Running", harness::is_running).await;
    let foreign = bed.cluster.nodes().get("rpc-2").await.unwrap();
    spec["replicas"] = json!(3);
    bed.create(spec).await;
    bed.until_ready("False/ForeignObject").await;
    let after = bed.cluster.nodes().get("rpc-1").await.unwrap();
    assert_eq!(shown(&before), shown(&after), "adopted without a change of its spec");
    assert_eq!(after.owner_references().len(), 1);
    let untouched = bed.cluster.nodes().get("rpc-2").await.unwrap();
    // Its own controller may write its status at any time.
    let writers = |node: &SeiNode| {
        let fields = node.metadata.managed_fields.clone().unwrap_or_default();
        fields.into_iter().filter(|entry| entry.subresource.is_none()).collect::<Vec<_>>()
    };
    assert_eq!(writers(&untouched), writers(&foreign));

    // Its name is available once it is deleted.
    bed.cluster.nodes().delete("rpc-2", &DeleteParams::default()).await.unwrap();
    bed.until_complete().await;
    assert_eq!(bed.cluster.nodes().get("rpc-2").await.unwrap().owner_references().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn foreground_deletion_of_a_group_deletes_its_nodes() {
    let bed = Bed::start().await;
    bed.create(full_nodes(2)).await;
    bed.until_complete().await;
    bed.delete_with(&DeleteParams::foreground()).await;
    nothing_left_but(&bed.cluster, &[]).await;
}

/// A finalizer of another controller.
const HOLD: &str = "example.com/hold";

/// Waits until the operator sends no requests.
async fn until_at_rest(proxy: &ApiProxy) {
    eventually("no more requests are sent", || async {
        let start = Instant::now();
        tokio::time::sleep(Duration::from_secs(4)).await;
        proxy.requests_since(start).is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn finalizers_of_others_are_waited_for_without_requests() {
    let cluster = harness::cluster().await;
    let proxy = ApiProxy::in_front_of(&cluster).await.unwrap();
    let operator = Some(harness::operator(&cluster));
    let bed = Bed { cluster, operator };
    bed.create(full_nodes(2)).await;
    bed.until_complete().await;
    let held = |mut finalizers: Vec<String>| {
        finalizers.push(HOLD.to_owned());
        json!({ "metadata": { "finalizers": finalizers } })
    };
    let node = bed.cluster.nodes().get("rpc-1").await.unwrap();
    harness::patch(&bed.cluster, "rpc-1", held(node.finalizers().to_vec())).await;
    let patch_group = async |body| {
        bed.groups().patch(GROUP, &PatchParams::default(), &Patch::Merge(body)).await.unwrap();
    };
    patch_group(held(vec![DEPLOYMENT_FINALIZER.to_owned()])).await;

    bed.groups().delete(GROUP, &DeleteParams::default()).await.unwrap();
    eventually("the other node is gone", || async { bed.names().await == ["rpc-1"] }).await;
    until_at_rest(&proxy).await;
    let finalizers = |group: SeiNodeDeployment| group.finalizers().to_vec();
    assert_eq!(finalizers(bed.groups().get(GROUP).await.unwrap()), [DEPLOYMENT_FINALIZER, HOLD]);
    assert_eq!(bed.cluster.nodes().get("rpc-1").await.unwrap().finalizers(), [HOLD]);

    let released = json!({ "metadata": { "finalizers": null } });
    harness::patch(&bed.cluster, "rpc-1", released.clone()).await;
    eventually("only the other finalizer is left", || async {
        finalizers(bed.groups().get(GROUP).await.unwrap()) == [HOLD]
    })
    .await;
    until_at_rest(&proxy).await;
    patch_group(released).await;
    eventually("the group is gone", || async { bed.groups().get_opt(GROUP).await.unwrap().is_none() }).await;
    nothing_left_but(&bed.cluster, &[]).await;
}
