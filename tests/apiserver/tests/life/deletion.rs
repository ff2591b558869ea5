//! Objects that are being deleted: names that are still taken, data that must not go with its pod, and deletions
//! that keep what they leave.

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PropagationPolicy},
    core::NamespaceResourceScope,
};
use sei_api::conditions::ConditionType;
use sei_testkit::{builders, cluster::Cluster};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::bed::{self, eventually, is_running, runs, until, until_said};

const A: &str = "ghcr.io/sei-protocol/sei:a";
const B: &str = "ghcr.io/sei-protocol/sei:b";
const READY: ConditionType = ConditionType::Ready;

#[tokio::test(flavor = "multi_thread")]
async fn objects_that_are_being_deleted_are_waited_for() {
    let cluster = bed::cluster().await;
    let _operator = bed::operator(&cluster);
    tokio::join!(created_again_under_its_name(&cluster), claim_deleted_before_an_update(&cluster));
}

/// The new node waits for the claim of the former one, whose pod does not end, and then starts on an empty one.
async fn created_again_under_its_name(cluster: &Cluster) {
    let name = "again-0";
    bed::create(cluster, name, builders::full_node(A)).await;
    until(cluster, name, "ready", runs(A)).await;
    let (pods, claims) = (bed::api::<Pod>(cluster), bed::api::<PersistentVolumeClaim>(cluster));
    let old = claims.get("data-again-0").await.unwrap().uid();
    finalizers(&pods, "again-0-0", &["test.example/hold"]).await;
    cluster.nodes().delete(name, &DeleteParams::default()).await.unwrap();
    eventually("the former node is gone", || async {
        cluster.nodes().get_opt(name).await.unwrap().is_none()
    })
    .await;
    bed::create(cluster, name, builders::full_node(A)).await;
    until_said(cluster, name, READY, "False/WaitingForDeletion", "claim data-again-0 is being deleted").await;
    finalizers(&pods, "again-0-0", &[]).await;
    until(cluster, name, "Running", is_running).await;
    assert_ne!(claims.get("data-again-0").await.unwrap().uid(), old);
}

/// Only the pod keeps a deleted claim alive, so an update does not end it.
async fn claim_deleted_before_an_update(cluster: &Cluster) {
    let name = "doomed-0";
    bed::create(cluster, name, builders::full_node(A)).await;
    until(cluster, name, "ready", runs(A)).await;
    let (pods, claims) = (bed::api::<Pod>(cluster), bed::api::<PersistentVolumeClaim>(cluster));
    let pod = pods.get("doomed-0-0").await.unwrap().uid();
    claims.delete("data-doomed-0", &DeleteParams::default()).await.unwrap();
    let stalled = ConditionType::Stalled;
    until_said(cluster, name, stalled, "True/DataVolumeTerminating", "Retain").await;
    let changed = bed::set_image(cluster, name, B).await.metadata.generation;
    let node = until(cluster, name, "the update is seen", |node| {
        node.status.as_ref().is_some_and(|status| status.observed_generation == changed)
    })
    .await;
    assert_eq!(bed::condition(&node, stalled).as_deref(), Some("True/DataVolumeTerminating"));
    let kept = pods.get("doomed-0-0").await.unwrap();
    assert_eq!((kept.uid(), kept.metadata.deletion_timestamp), (pod, None));
    assert!(claims.get("data-doomed-0").await.unwrap().metadata.deletion_timestamp.is_some());
}

/// The garbage collector may be slower than the operator.
#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_orphans_keeps_the_claim() {
    let mut cluster = bed::cluster().await;
    let _operator = bed::operator(&cluster);
    bed::create(&cluster, "kept-0", builders::full_node(A)).await;
    until(&cluster, "kept-0", "ready", runs(A)).await;
    cluster.plane.stop_controllers();
    let orphan =
        DeleteParams { propagation_policy: Some(PropagationPolicy::Orphan), ..DeleteParams::default() };
    cluster.nodes().delete("kept-0", &orphan).await.unwrap();
    until(&cluster, "kept-0", "released by the operator", |node| node.finalizers() == ["orphan"]).await;
    cluster.plane.start_controllers().unwrap();
    eventually("the node is gone", || async { cluster.nodes().get_opt("kept-0").await.unwrap().is_none() })
        .await;
    let claim = bed::api::<PersistentVolumeClaim>(&cluster).get("data-kept-0").await.unwrap();
    assert_eq!((claim.metadata.deletion_timestamp, claim.metadata.owner_references), (None, None));
}

async fn finalizers<K>(api: &Api<K>, name: &str, finalizers: &[&str])
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned,
{
    let patch = Patch::Merge(json!({ "metadata": { "finalizers": finalizers } }));
    api.patch(name, &PatchParams::default(), &patch).await.unwrap();
}
