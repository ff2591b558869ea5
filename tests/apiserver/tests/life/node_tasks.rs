//! SeiNodeTasks, by the released program.

use kube::{
    Api,
    api::{DeleteParams, PostParams},
};
use sei_api::{
    SeiNodeTask,
    conditions::ConditionType,
    task_conditions,
    v1alpha1::{SeiNodeTaskStatus, task::NodeTaskPhase},
};
use sei_testkit::{
    builders,
    cluster::{self, Cluster},
    sidecar::Generation,
};
use serde_json::{Value, json};

use crate::{
    harness::{self, api, eventually, is_running, patch, runs, until, until_condition},
    unreadable::{condition, raw, weaken},
};

const A: &str = "ghcr.io/sei-protocol/sei:a";
const B: &str = "ghcr.io/sei-protocol/sei:b";

fn tasks(cluster: &Cluster) -> Api<SeiNodeTask> {
    api(cluster)
}

/// A full node with this release of the sidecar.
fn node(release: Generation) -> Value {
    let mut spec = builders::full_node(A);
    spec["sidecar"] = json!({ "image": format!("ghcr.io/sei-protocol/seictl:{release}") });
    spec
}

async fn create(cluster: &Cluster, name: &str, node: &str, spec: Value) {
    let mut all = json!({ "nodeRef": { "name": node } });
    all.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    let task = json!({
        "apiVersion": "sei.io/v1alpha1", "kind": "SeiNodeTask", "metadata": { "name": name }, "spec": all,
    });
    tasks(cluster).create(&PostParams::default(), &serde_json::from_value(task).unwrap()).await.unwrap();
}

async fn status(cluster: &Cluster, name: &str) -> SeiNodeTaskStatus {
    tasks(cluster).get(name).await.unwrap().status.unwrap_or_default()
}

/// Waits until a task has this phase, and this reason of `Stalled` or else of `Ready`.
async fn until_is(cluster: &Cluster, name: &str, phase: NodeTaskPhase, reason: &str) -> SeiNodeTaskStatus {
    eventually(&format!("{name} is {}: {reason}", phase.as_str()), || async {
        let status = status(cluster, name).await;
        let stalled = status.condition(task_conditions::ConditionType::Stalled);
        let said = stalled.or(status.condition(task_conditions::ConditionType::Ready));
        status.phase == Some(phase) && said.is_some_and(|said| said.reason == reason)
    })
    .await;
    status(cluster, name).await
}

async fn until_submitted(cluster: &Cluster, name: &str) {
    eventually(&format!("the sidecar has {name}"), || async {
        status(cluster, name).await.submission_time.is_some()
    })
    .await;
}

/// How often the sidecar of a node started an operation.
fn count(cluster: &Cluster, node: &str, type_: &str) -> u32 {
    cluster.simulator.runs(&Cluster::host(node)).get(type_).copied().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_runs_once_despite_restarts_of_operator_and_sidecar() {
    let cluster = harness::cluster().await;
    let operator = harness::operator(&cluster);
    harness::create(&cluster, "node-0", node(Generation::NEWEST)).await;
    until(&cluster, "node-0", "Running", is_running).await;
    harness::stuck(&cluster, "node-0", &["restart-seid"]);
    create(&cluster, "restart", "node-0", json!({ "restartSeid": {} })).await;
    until_submitted(&cluster, "restart").await;
    drop(operator);
    let host = Cluster::host("node-0");
    cluster.simulator.stop(&host);
    harness::stuck(&cluster, "node-0", &[]);
    cluster.simulator.run(&host);
    // seid of the restarted sidecar waits for mark-ready, and the operation waits for seid.
    let _operator = harness::operator(&cluster);
    let ended = until_is(&cluster, "restart", NodeTaskPhase::Complete, "TaskComplete").await;
    assert_eq!(ended.operation.as_deref(), Some("restartSeid"));
    assert_eq!(count(&cluster, "node-0", "restart-seid"), 1);
    assert_eq!(cluster.simulator.repeated(&host), [""; 0]);
    until(&cluster, "node-0", "free and Ready", |node| {
        runs(A)(node) && node.status.as_ref().is_some_and(|status| status.node_task.is_none())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_waits_for_the_plan_and_an_update_for_the_task_until_it_is_deleted() {
    let cluster = harness::cluster().await;
    let _operator = harness::operator(&cluster);
    create(&cluster, "early", "node-0", json!({ "restartSeid": {}, "ttlSecondsAfterFinished": 0 })).await;
    until_is(&cluster, "early", NodeTaskPhase::Pending, "NodeNotFound").await;
    harness::stuck(&cluster, "node-0", &["config-apply"]);
    harness::create(&cluster, "node-0", node(Generation::NEWEST)).await;
    until_is(&cluster, "early", NodeTaskPhase::Pending, "PlanInProgress").await;
    let host = Cluster::host("node-0");
    cluster.simulator.stop(&host);
    harness::stuck(&cluster, "node-0", &[]);
    cluster.simulator.run(&host);
    eventually("it is done and deleted", || async {
        tasks(&cluster).get_opt("early").await.unwrap().is_none()
    })
    .await;
    assert_eq!(count(&cluster, "node-0", "restart-seid"), 1);

    harness::stuck(&cluster, "node-0", &["restart-seid"]);
    create(&cluster, "first", "node-0", json!({ "restartSeid": {} })).await;
    until_submitted(&cluster, "first").await;
    create(&cluster, "second", "node-0", json!({ "snapshotUpload": {} })).await;
    until_is(&cluster, "second", NodeTaskPhase::Pending, "WaitingForTask").await;
    harness::set_image(&cluster, "node-0", B).await;
    until_condition(&cluster, "node-0", ConditionType::Ready, "False/WaitingForTask", "SeiNodeTask first")
        .await;
    tasks(&cluster).delete("first", &DeleteParams::default()).await.unwrap();
    until(&cluster, "node-0", "updated", |node| {
        node.status.as_ref().is_some_and(|status| status.current_image.as_deref() == Some(B))
    })
    .await;
    let uploaded = until_is(&cluster, "second", NodeTaskPhase::Complete, "TaskComplete").await;
    assert_eq!(uploaded.result.unwrap().outcome.as_deref(), Some("noop: fewer-than-2-snapshots"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sidecar_release_runs_supported_operations_and_others_name_the_required_release() {
    let cluster = harness::cluster().await;
    let _operator = harness::operator(&cluster);
    let name = |release: Generation| release.to_string().replace('.', "-");
    let operations = [
        ("markReady", "mark-ready"),
        ("restartSeid", "restart-seid"),
        ("snapshotUpload", "snapshot-upload-once"),
    ];
    for release in Generation::ALL {
        let node_name = name(release);
        harness::create(&cluster, &node_name, node(release)).await;
        for (operation, _) in operations {
            let task = format!("{node_name}-{}", operation.to_lowercase());
            create(&cluster, &task, &node_name, json!({ operation: {} })).await;
        }
    }
    for release in Generation::ALL {
        for (operation, type_) in operations {
            let task = format!("{}-{}", name(release), operation.to_lowercase());
            if release.knows(type_) {
                until_is(&cluster, &task, NodeTaskPhase::Complete, "TaskComplete").await;
            } else {
                let error =
                    until_is(&cluster, &task, NodeTaskPhase::Failed, "NotSupported").await.error.unwrap();
                assert!(error.contains("or later: set spec.sidecar.image"), "{error}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_node_is_waited_for_until_the_limit() {
    let cluster = harness::cluster().await;
    let _operator = harness::operator(&cluster);
    harness::create(&cluster, "node-0", node(Generation::NEWEST)).await;
    until(&cluster, "node-0", "Running", is_running).await;
    patch(&cluster, "node-0", json!({ "spec": { "paused": true } })).await;
    create(&cluster, "patient", "node-0", json!({ "restartSeid": {} })).await;
    create(&cluster, "impatient", "node-0", json!({ "restartSeid": {}, "startTimeoutSeconds": 1 })).await;
    let ended = until_is(&cluster, "impatient", NodeTaskPhase::Failed, "StartTimedOut").await;
    assert!(ended.error.unwrap().contains("SeiNode node-0 is paused"));
    until_is(&cluster, "patient", NodeTaskPhase::Pending, "NodePaused").await;
    patch(&cluster, "node-0", json!({ "spec": { "paused": null } })).await;
    until_is(&cluster, "patient", NodeTaskPhase::Complete, "TaskComplete").await;
    assert_eq!(count(&cluster, "node-0", "restart-seid"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_cannot_be_decoded_is_not_run_blocks_no_other_and_reports_the_field() {
    let cluster = harness::cluster().await.not_reused();
    let _operator = harness::operator(&cluster);
    harness::create(&cluster, "node-0", node(Generation::NEWEST)).await;
    let mut manifest = sei_api::task_crd_manifest().unwrap();
    let field = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/requirePhase";
    *manifest.pointer_mut(field).unwrap() = json!({ "type": "string" });
    weaken(&cluster, manifest, "/properties/spec").await;
    let broken = serde_json::from_value(json!({
        "apiVersion": "sei.io/v1alpha1", "kind": "SeiNodeTask", "metadata": { "name": "broken" },
        "spec": { "nodeRef": { "name": "node-0" }, "restartSeid": {}, "requirePhase": "OfLaterVersion" },
    }))
    .unwrap();
    let raw = raw::<SeiNodeTask>(&cluster);
    eventually("the weaker CRD is served", || async {
        raw.create(&PostParams::default(), &broken).await.is_ok()
    })
    .await;
    cluster::install_crds(&cluster.client).await.unwrap();
    create(&cluster, "good", "node-0", json!({ "restartSeid": {} })).await;
    until_is(&cluster, "good", NodeTaskPhase::Complete, "TaskComplete").await;
    eventually("the broken one says what is wrong", || async {
        let stalled = condition(&raw.get("broken").await.unwrap(), "Stalled");
        stalled.is_some_and(|said| said.starts_with("Unreadable: ") && said.contains("requirePhase"))
    })
    .await;
    assert_eq!(count(&cluster, "node-0", "restart-seid"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_run_without_the_kind_and_tasks_are_run_once_it_is_installed() {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
    let cluster = harness::cluster().await.not_reused();
    let crds: Api<CustomResourceDefinition> = Api::all(cluster.client.clone());
    let crd = "seinodetasks.sei.io";
    crds.delete(crd, &DeleteParams::default()).await.unwrap();
    eventually("the kind is gone", || async { crds.get_opt(crd).await.unwrap().is_none() }).await;
    let operator = harness::operator(&cluster);
    harness::create(&cluster, "node-0", node(Generation::NEWEST)).await;
    until(&cluster, "node-0", "Running", is_running).await;
    assert!(operator.log().contains("is not installed"), "{}", operator.log());
    cluster::install_crds(&cluster.client).await.unwrap();
    create(&cluster, "restart", "node-0", json!({ "restartSeid": {} })).await;
    until_is(&cluster, "restart", NodeTaskPhase::Complete, "TaskComplete").await;
}
