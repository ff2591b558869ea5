//! Data volume claims that outlive their SeiNode.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::{
    ResourceExt,
    api::{DeleteParams, PropagationPolicy},
};
use sei_api::{conditions::ConditionType, labels};
use sei_testkit::{
    builders,
    cluster::{Cluster, NAMESPACE},
};
use serde_json::{Value, json};

use crate::harness::{self, eventually, is_running, patch, until, until_condition};

const NAME: &str = "kept-0";
const CLAIM: &str = "data-kept-0";

fn spec(retains: bool) -> Value {
    let mut spec = builders::full_node("ghcr.io/sei-protocol/sei:a");
    spec["dataVolume"] = json!({ "retainOnDelete": retains });
    spec
}

/// A full node that state-syncs.
fn syncing() -> Value {
    let mut spec = spec(true);
    spec["fullNode"] =
        json!({ "snapshot": { "stateSync": {}, "rpcServers": ["a.example:26657", "b.example:26657"] } });
    spec["peers"] = builders::outside_peers();
    spec
}

async fn claim(cluster: &Cluster) -> Option<PersistentVolumeClaim> {
    harness::api::<PersistentVolumeClaim>(cluster).get_opt(CLAIM).await.unwrap()
}

async fn delete(cluster: &Cluster, propagation: PropagationPolicy) {
    let how = DeleteParams { propagation_policy: Some(propagation), ..DeleteParams::default() };
    cluster.nodes().delete(NAME, &how).await.unwrap();
    eventually("the node is gone", || async { cluster.nodes().get_opt(NAME).await.unwrap().is_none() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retained_claim_is_reused_by_the_next_node_of_its_name() {
    let cluster = harness::cluster().await;
    let _operator = harness::operator(&cluster);
    harness::create(&cluster, NAME, spec(false)).await;
    until(&cluster, NAME, "Running", is_running).await;
    assert_eq!(claim(&cluster).await.unwrap().owner_references().len(), 1);
    patch(&cluster, NAME, json!({ "spec": { "dataVolume": { "retainOnDelete": true } } })).await;
    eventually("nothing owns the claim, which is marked", || async {
        let claim = claim(&cluster).await.unwrap();
        claim.owner_references().is_empty()
            && claim.labels().get(labels::RETAINED_FOR).is_some_and(|node| node == NAME)
            && claim.annotations().contains_key(labels::INITIALIZED_ANNOTATION)
    })
    .await;
    let uid = claim(&cluster).await.unwrap().uid();
    // In the foreground the garbage collector deletes what the node owns before the operator can do anything.
    delete(&cluster, PropagationPolicy::Foreground).await;

    harness::create(&cluster, NAME, spec(false)).await;
    let stalled = ConditionType::Stalled;
    until_condition(&cluster, NAME, stalled, "True/PlanFailed", "set spec.dataVolume.retainOnDelete: true")
        .await;
    let runs = cluster.simulator.runs(&Cluster::host(NAME));
    patch(&cluster, NAME, json!({ "spec": { "dataVolume": { "retainOnDelete": true } } })).await;
    until(&cluster, NAME, "Running", is_running).await;
    let kept = claim(&cluster).await.unwrap();
    assert_eq!((kept.uid(), kept.metadata.deletion_timestamp), (uid, None), "{NAMESPACE}/{CLAIM}");
    assert_eq!(
        cluster.simulator.runs(&Cluster::host(NAME)).get("configure-state-sync"),
        runs.get("configure-state-sync")
    );

    patch(&cluster, NAME, json!({ "spec": { "dataVolume": { "retainOnDelete": false } } })).await;
    eventually("the node owns the claim", || async {
        let claim = claim(&cluster).await.unwrap();
        claim.owner_references().len() == 1 && !claim.labels().contains_key(labels::RETAINED_FOR)
    })
    .await;
    delete(&cluster, PropagationPolicy::Background).await;
    eventually("the claim is gone", || async { claim(&cluster).await.is_none() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_created_again_without_its_former_claim_state_syncs_again() {
    let cluster = harness::cluster().await;
    let _operator = harness::operator(&cluster);
    harness::create(&cluster, NAME, syncing()).await;
    until(&cluster, NAME, "Running", is_running).await;
    let before = claim(&cluster).await.unwrap().uid();
    patch(&cluster, NAME, json!({ "spec": { "dataVolume": { "retainOnDelete": false } } })).await;
    eventually("the node owns the claim", || async {
        !claim(&cluster).await.unwrap().owner_references().is_empty()
    })
    .await;
    delete(&cluster, PropagationPolicy::Background).await;
    eventually("the claim is gone", || async { claim(&cluster).await.is_none() }).await;

    harness::create(&cluster, NAME, syncing()).await;
    until(&cluster, NAME, "Running", is_running).await;
    assert_ne!(claim(&cluster).await.unwrap().uid(), before);
    let calls = cluster.simulator.calls(&Cluster::host(NAME));
    let syncs =
        calls.iter().filter(|call| call.body["type"] == "configure-state-sync" && call.method == "POST");
    assert_eq!(syncs.count(), 2, "once for each volume");
}
