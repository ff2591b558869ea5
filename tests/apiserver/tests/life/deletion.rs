//! Objects that are being deleted: names that are still taken, data that must outlive its pod, and deletions
//! that orphan objects.

use std::time::Duration;

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{PersistentVolume, PersistentVolumeClaim, Pod, Service},
};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams, PropagationPolicy},
    core::NamespaceResourceScope,
};
use sei_api::conditions::ConditionType;
use sei_testkit::{
    api_proxy::ApiProxy,
    builders,
    cluster::{Cluster, NAMESPACE},
};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::{
    harness::{self, eventually, is_running, runs, until, until_condition},
    shared,
};

const A: &str = "ghcr.io/sei-protocol/sei:a";
const B: &str = "ghcr.io/sei-protocol/sei:b";
const READY: ConditionType = ConditionType::Ready;

/// The new node waits for the claim of the former one, whose pod does not terminate, and then starts on an
/// empty one.
#[test]
fn a_recreated_node_waits_for_the_claim_of_the_deleted_one() {
    shared::run(async |cluster| {
        let name = "again-0";
        harness::create(cluster, name, builders::full_node(A)).await;
        until(cluster, name, "ready", runs(A)).await;
        let (pods, claims) = (harness::api::<Pod>(cluster), harness::api::<PersistentVolumeClaim>(cluster));
        let old = claims.get("data-again-0").await.unwrap().uid();
        finalizers(&pods, "again-0-0", &["test.example/hold"]).await;
        cluster.nodes().delete(name, &DeleteParams::default()).await.unwrap();
        eventually("the former node is gone", || async {
            cluster.nodes().get_opt(name).await.unwrap().is_none()
        })
        .await;
        harness::create(cluster, name, builders::full_node(A)).await;
        until_condition(
            cluster,
            name,
            READY,
            "False/WaitingForDeletion",
            "claim data-again-0 is being deleted",
        )
        .await;
        finalizers(&pods, "again-0-0", &[]).await;
        until(cluster, name, "Running", is_running).await;
        assert_ne!(claims.get("data-again-0").await.unwrap().uid(), old);
    });
}

/// A deleted claim exists only as long as its pod, so an update does not delete the pod.
#[test]
fn an_update_does_not_delete_the_pod_that_keeps_a_deleted_claim() {
    shared::run(async |cluster| {
        let name = "doomed-0";
        harness::create(cluster, name, builders::full_node(A)).await;
        until(cluster, name, "ready", runs(A)).await;
        let (pods, claims) = (harness::api::<Pod>(cluster), harness::api::<PersistentVolumeClaim>(cluster));
        let pod = pods.get("doomed-0-0").await.unwrap().uid();
        claims.delete("data-doomed-0", &DeleteParams::default()).await.unwrap();
        let stalled = ConditionType::Stalled;
        until_condition(cluster, name, stalled, "True/DataVolumeTerminating", "Retain").await;
        let changed = harness::set_image(cluster, name, B).await.metadata.generation;
        let node = until(cluster, name, "the update is seen", |node| {
            node.status.as_ref().is_some_and(|status| status.observed_generation == changed)
        })
        .await;
        assert_eq!(harness::condition(&node, stalled).as_deref(), Some("True/DataVolumeTerminating"));
        let kept = pods.get("doomed-0-0").await.unwrap();
        assert_eq!((kept.uid(), kept.metadata.deletion_timestamp), (pod, None));
        assert!(claims.get("data-doomed-0").await.unwrap().metadata.deletion_timestamp.is_some());
    });
}

/// A lagging cache shows the old state of the claim; the step that deletes the pod reads the claim from the
/// API server.
#[tokio::test(flavor = "multi_thread")]
async fn an_update_reads_the_claim_before_it_ends_the_pod_that_keeps_it() {
    let cluster = harness::cluster().await;
    let proxy = ApiProxy::in_front_of(&cluster).await.unwrap();
    let _operator = harness::operator(&cluster);
    harness::create(&cluster, "late-0", builders::full_node(A)).await;
    until(&cluster, "late-0", "ready", runs(A)).await;
    let (pods, claims) = (harness::api::<Pod>(&cluster), harness::api::<PersistentVolumeClaim>(&cluster));
    let pod = pods.get("late-0-0").await.unwrap().uid();
    eventually("the claim is marked with the chain whose state is on it", || async {
        let claim = claims.get("data-late-0").await.unwrap();
        claim.annotations().get("sei.io/initialized").is_some_and(|chain| chain == "arctic-1")
    })
    .await;
    proxy.delay("persistentvolumeclaims", Duration::from_secs(600));
    claims.delete("data-late-0", &DeleteParams::default()).await.unwrap();
    harness::set_image(&cluster, "late-0", B).await;
    let words = "claim data-late-0 is being deleted";
    until_condition(&cluster, "late-0", READY, "False/WaitingForVolume", words).await;
    let kept = pods.get("late-0-0").await.unwrap();
    assert_eq!((kept.uid(), kept.metadata.deletion_timestamp), (pod, None));
}

/// The garbage collector may be slower than the operator.
#[tokio::test(flavor = "multi_thread")]
async fn an_orphaning_deletion_keeps_the_claim() {
    let mut cluster = harness::cluster().await;
    let _operator = harness::operator(&cluster);
    harness::create(&cluster, "kept-0", builders::full_node(A)).await;
    until(&cluster, "kept-0", "ready", runs(A)).await;
    cluster.plane.stop_controllers();
    let orphan =
        DeleteParams { propagation_policy: Some(PropagationPolicy::Orphan), ..DeleteParams::default() };
    cluster.nodes().delete("kept-0", &orphan).await.unwrap();
    until(&cluster, "kept-0", "released by the operator", |node| node.finalizers() == ["orphan"]).await;
    cluster.plane.start_controllers().unwrap();
    eventually("the node is gone", || async { cluster.nodes().get_opt("kept-0").await.unwrap().is_none() })
        .await;
    let claim = harness::api::<PersistentVolumeClaim>(&cluster).get("data-kept-0").await.unwrap();
    assert_eq!((claim.metadata.deletion_timestamp, claim.metadata.owner_references), (None, None));
}

/// Restore tools drop owner references and status: following `docs/backup.md` then loses no data.
#[tokio::test(flavor = "multi_thread")]
async fn objects_that_were_restored_without_owners_are_adopted_as_documented() {
    let cluster = harness::cluster().await;
    let operator = harness::operator(&cluster);
    let name = "bk-0";
    harness::create(&cluster, name, builders::full_node(A)).await;
    until(&cluster, name, "ready", runs(A)).await;
    let (sets, services) = (harness::api::<StatefulSet>(&cluster), harness::api::<Service>(&cluster));
    let claims = harness::api::<PersistentVolumeClaim>(&cluster);
    let (set, service) = (sets.get(name).await.unwrap(), services.get(name).await.unwrap());
    let claim = claims.get("data-bk-0").await.unwrap();
    cluster.nodes().delete(name, &DeleteParams::default()).await.unwrap();
    harness::nothing_left_but(&cluster, &[]).await;
    operator.kill().unwrap();

    restore(&claims, claim).await;
    restore(&sets, set).await;
    restore(&services, service).await;
    bound(&cluster, "data-bk-0").await;
    let uid = claims.get("data-bk-0").await.unwrap().uid();
    let _operator = harness::operator(&cluster);
    harness::create(&cluster, name, builders::full_node(A)).await;
    let refused = "claim data-bk-0 exists and is not controlled by this SeiNode. To keep its data, delete this SeiNode and recreate it with spec.dataVolume.import.pvcName: data-bk-0";
    until_condition(&cluster, name, ConditionType::Stalled, "True/PlanFailed", refused).await;
    cluster.nodes().delete(name, &DeleteParams::default()).await.unwrap();
    eventually("the SeiNode is gone", || async { cluster.nodes().get_opt(name).await.unwrap().is_none() })
        .await;
    let claim = claims.get("data-bk-0").await.unwrap();
    assert_eq!((claim.uid(), claim.metadata.deletion_timestamp), (uid.clone(), None));

    let mut spec = builders::full_node(A);
    spec["dataVolume"] = json!({ "import": { "pvcName": "data-bk-0" } });
    harness::create(&cluster, name, spec).await;
    until_condition(&cluster, name, ConditionType::Stalled, "True/PlanFailed", "StatefulSet bk-0 exists")
        .await;
    sets.delete(name, &DeleteParams::default()).await.unwrap();
    services.delete(name, &DeleteParams::default()).await.unwrap();
    harness::retry(&cluster, name).await;
    until(&cluster, name, "Running on the restored volume", is_running).await;
    let claim = claims.get("data-bk-0").await.unwrap();
    assert_eq!((claim.uid(), claim.metadata.deletion_timestamp), (uid, None));
    cluster.nodes().delete(name, &DeleteParams::default()).await.unwrap();
    harness::nothing_left_but(&cluster, &["data-bk-0"]).await;
}

/// Creates `object` like a restore tool: without owners, UID and status.
async fn restore<K>(api: &Api<K>, mut object: K)
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + serde::Serialize
        + DeserializeOwned,
{
    let metadata = std::mem::take(object.meta_mut());
    *object.meta_mut() = ObjectMeta { name: metadata.name, labels: metadata.labels, ..ObjectMeta::default() };
    api.create(&PostParams::default(), &object).await.unwrap();
}

/// Binds `claim` to a volume.
async fn bound(cluster: &Cluster, claim: &str) {
    let claims = harness::api::<PersistentVolumeClaim>(cluster);
    let wanted = claims.get(claim).await.unwrap().spec.unwrap();
    let capacity = wanted.resources.unwrap().requests.unwrap();
    let volume = serde_json::from_value(json!({
        "metadata": { "name": "restored" },
        "spec": {
            "capacity": capacity,
            "accessModes": ["ReadWriteOnce"],
            "hostPath": { "path": "/data" },
            "claimRef": { "namespace": NAMESPACE, "name": claim },
        },
    }));
    let volumes: Api<PersistentVolume> = Api::all(cluster.client.clone());
    volumes.create(&PostParams::default(), &volume.unwrap()).await.unwrap();
    let spec = Patch::Merge(json!({ "spec": { "volumeName": "restored" } }));
    claims.patch(claim, &PatchParams::default(), &spec).await.unwrap();
    let status = json!({ "phase": "Bound", "capacity": capacity, "accessModes": ["ReadWriteOnce"] });
    let status = Patch::Merge(json!({ "status": status }));
    claims.patch_status(claim, &PatchParams::default(), &status).await.unwrap();
    let phase = Patch::Merge(json!({ "status": { "phase": "Bound" } }));
    volumes.patch_status("restored", &PatchParams::default(), &phase).await.unwrap();
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
