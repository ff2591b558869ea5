//! Whose nodes are: retained, adopted, foreign, and deleted with their group.

use kube::{ResourceExt, api::DeleteParams};
use sei_api::SeiNode;
use sei_testkit::builders;
use serde_json::json;

use super::bed::{A, Bed, full_nodes};
use crate::harness::{self, nothing_left_but};

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
    assert_eq!(untouched.metadata.managed_fields, foreign.metadata.managed_fields);

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
