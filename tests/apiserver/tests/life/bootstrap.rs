//! A bootstrap Job that is lost, fails or is evicted at each point of its life.

use std::time::Duration;

use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{PersistentVolumeClaim, Service},
};
use kube::{ResourceExt, api::DeleteParams};
use sei_api::{SeiNode, conditions::ConditionType, v1alpha1::NodePhase};
use sei_testkit::{builders, cluster::Cluster};
use serde_json::{Value, json};

use crate::{
    harness::{self, condition, is_running, until},
    modes,
};

const A: &str = "ghcr.io/sei-protocol/sei:a";

/// A node with a bootstrap.
fn bootstrapped() -> Value {
    let snapshot = json!({ "s3": { "targetHeight": 100 }, "bootstrapImage": "seid:old" });
    let mut spec = builders::full_node(A);
    spec["fullNode"] = json!({ "snapshot": snapshot });
    spec["peers"] = builders::outside_peers();
    spec
}

async fn create(cluster: &Cluster, name: &str) {
    harness::create(cluster, name, bootstrapped()).await;
}

/// Whether the current task is this one and was submitted to the sidecar.
fn works_on(type_: &str) -> impl Fn(&SeiNode) -> bool + '_ {
    move |node| {
        let plan = node.status.as_ref().and_then(|status| status.plan.as_ref());
        plan.is_some_and(|plan| {
            plan.tasks.iter().any(|task| task.type_ == type_ && task.submitted_at.is_some())
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bootstrap_recovers_from_a_lost_or_evicted_job() {
    let cluster = harness::cluster().await;
    let _operator = harness::operator(&cluster);
    tokio::join!(
        lost_while_it_works(&cluster),
        lost_when_released(&cluster),
        evicted_while_it_works(&cluster),
        evicted_when_released(&cluster),
        service_taken_away(&cluster),
    );
    for name in ["lost-0", "released-0", "evicted-0", "late-0", "nameless-0"] {
        let repeated = cluster.simulator.repeated(&Cluster::host(name));
        assert!(repeated.is_empty(), "{name}: {repeated:?}");
        cluster.nodes().delete(name, &DeleteParams::default()).await.unwrap();
    }
    harness::nothing_left_but(&cluster, &[]).await;
}

/// The sidecar continues in the next Job: the plan is the same, and no task is started twice.
async fn lost_while_it_works(cluster: &Cluster) {
    let name = "lost-0";
    let host = Cluster::host(name);
    cluster.simulator.faults(&host, |faults| faults.delay = Duration::from_secs(2));
    create(cluster, name).await;
    let working = until(cluster, name, "the restore is running", works_on("snapshot-restore")).await;
    harness::api::<Job>(cluster).delete("lost-0-bootstrap", &DeleteParams::background()).await.unwrap();
    cluster.simulator.faults(&host, |faults| faults.delay = Duration::from_millis(20));
    let node = until(cluster, name, "Running", is_running).await;
    assert_eq!(node.status.unwrap().plan.unwrap().id, working.status.unwrap().plan.unwrap().id);
    assert_eq!(cluster.simulator.runs(&host)["snapshot-restore"], 1);
}

/// seid was already allowed to start: mark-ready is repeated for the next Job's pod, and no other task.
async fn lost_when_released(cluster: &Cluster) {
    let name = "released-0";
    let host = Cluster::host(name);
    harness::stuck(cluster, name, &["mark-ready"]);
    create(cluster, name).await;
    until(cluster, name, "mark-ready is running", works_on("mark-ready")).await;
    harness::api::<Job>(cluster).delete("released-0-bootstrap", &DeleteParams::background()).await.unwrap();
    harness::stuck(cluster, name, &[]);
    until(cluster, name, "Running", is_running).await;
    assert_eq!(cluster.simulator.runs(&host)["snapshot-restore"], 1);
}

async fn evicted_while_it_works(cluster: &Cluster) {
    let name = "evicted-0";
    let host = Cluster::host(name);
    harness::stuck(cluster, name, &["config-apply"]);
    create(cluster, name).await;
    until(cluster, name, "config-apply is running", works_on("config-apply")).await;
    cluster.simulator.evict(&Cluster::host(name));
    comes_back(cluster, name).await;
    assert_eq!(cluster.simulator.runs(&host)["snapshot-restore"], 1);
}

async fn evicted_when_released(cluster: &Cluster) {
    let name = "late-0";
    harness::stuck(cluster, name, &["mark-ready"]);
    create(cluster, name).await;
    until(cluster, name, "mark-ready is running", works_on("mark-ready")).await;
    cluster.simulator.evict(&Cluster::host(name));
    comes_back(cluster, name).await;
}

/// The failure is reported with its remedy, and applying it leads to Running.
async fn comes_back(cluster: &Cluster, name: &str) {
    let failed = until(cluster, name, "the failed Job is reported", |node| {
        condition(node, ConditionType::Stalled).as_deref() == Some("True/PlanFailed")
    })
    .await;
    let status = failed.status.unwrap();
    assert_eq!(status.phase, Some(NodePhase::Failed));
    let said = &status.condition(ConditionType::Stalled).unwrap().message;
    assert!(said.contains("bootstrap Job") && said.contains("sei.io/retry"), "{said}");
    harness::stuck(cluster, name, &[]);
    harness::retry(cluster, name).await;
    until(cluster, name, "Running", is_running).await;
}

/// Without its Service the bootstrap pod has no DNS name: the Service is recreated.
async fn service_taken_away(cluster: &Cluster) {
    let name = "nameless-0";
    let host = Cluster::host(name);
    harness::stuck(cluster, name, &["config-apply"]);
    create(cluster, name).await;
    until(cluster, name, "config-apply is running", works_on("config-apply")).await;
    let services = harness::api::<Service>(cluster);
    services.delete(name, &DeleteParams::default()).await.unwrap();
    harness::eventually("the bootstrap Service is back", || async {
        let service = services.get_opt(name).await.unwrap();
        service.is_some_and(|service| service.labels().contains_key("sei.io/component"))
    })
    .await;
    // A handler that never completes remains so until its process ends.
    harness::stuck(cluster, name, &[]);
    cluster.simulator.stop(&host);
    cluster.simulator.run(&host);
    until(cluster, name, "Running", is_running).await;
}

/// The documented way to change what is immutable, such as TLS: an old seid must not run on newer
/// data.
#[tokio::test(flavor = "multi_thread")]
async fn a_recreated_node_does_not_bootstrap_a_volume_with_data_again() {
    let cluster = harness::cluster().await;
    let _operator = harness::operator(&cluster);
    modes::import(&cluster).await;
    let (name, host) = ("again-0", Cluster::host("again-0"));
    let mut spec = bootstrapped();
    spec["dataVolume"] = json!({ "import": { "pvcName": "old-data" } });
    harness::create(&cluster, name, spec.clone()).await;
    until(&cluster, name, "Running", is_running).await;
    assert_eq!(cluster.simulator.runs(&host)["snapshot-restore"], 1);
    let claims = harness::api::<PersistentVolumeClaim>(&cluster);
    harness::eventually("the claim is marked", || async {
        claims.get("old-data").await.unwrap().annotations().contains_key("sei.io/initialized")
    })
    .await;
    cluster.nodes().delete(name, &DeleteParams::default()).await.unwrap();
    harness::nothing_left_but(&cluster, &["old-data"]).await;

    harness::create(&cluster, name, spec).await;
    let node = until(&cluster, name, "Running again", is_running).await;
    let tasks = node.status.unwrap().plan.unwrap().tasks;
    let types: Vec<_> = tasks.iter().map(|task| task.type_.as_str()).collect();
    assert!(!types.iter().any(|type_| type_.contains("bootstrap")), "{types:?}");
    assert_eq!(cluster.simulator.runs(&host)["snapshot-restore"], 1, "{types:?}");
}
