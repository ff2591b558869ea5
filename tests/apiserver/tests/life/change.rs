//! Spec changes during a plan, and images that cannot be pulled.

use std::time::Duration;

use kube::ResourceExt;
use sei_api::{SeiNode, conditions::ConditionType, v1alpha1::PlannedTask};
use sei_testkit::{builders, cluster::Cluster};
use serde_json::json;

use crate::{
    harness::{self, condition, is_running, runs, set_image, until, until_condition},
    shared,
};

const A: &str = "ghcr.io/sei-protocol/sei:a";
const B: &str = "ghcr.io/sei-protocol/sei:b";
const MISSING: &str = "ghcr.io/sei-protocol/sei:missing";

fn pull_fails() -> String {
    format!("ImagePullBackOff Back-off pulling image {MISSING:?}")
}

/// The stored task of this type.
fn task(node: &SeiNode, type_: &str) -> Option<PlannedTask> {
    let plan = node.status.as_ref()?.plan.as_ref()?;
    plan.tasks.iter().find(|task| task.type_ == type_).cloned()
}

/// Ready names the image that cannot be pulled, and the node starts with the corrected spec.
#[test]
fn a_node_with_a_missing_image_starts_with_the_corrected_one() {
    shared::run(async |cluster| {
        let name = "first-0";
        harness::create(cluster, name, builders::full_node(MISSING)).await;
        until_condition(cluster, name, ConditionType::Ready, "False/WaitingForPod", &pull_fails()).await;
        set_image(cluster, name, A).await;
        until(cluster, name, "up with the corrected image", runs(A)).await;
    });
}

/// From A to an image that does not exist, then to B; then to a missing image and back to B, whose pod was
/// never replaced.
#[test]
fn an_update_to_a_missing_image_is_corrected_or_reverted() {
    shared::run(async |cluster| {
        let name = "next-0";
        harness::create(cluster, name, builders::full_node(A)).await;
        until(cluster, name, "A", runs(A)).await;
        for _ in 0..2 {
            set_image(cluster, name, MISSING).await;
            let ready = ConditionType::Ready;
            let held = until_condition(cluster, name, ready, "False/WaitingForPod", &pull_fails()).await;
            assert_eq!(condition(&held, ConditionType::NodeUpdateInProgress).unwrap(), "True/UpdateStarted");
            set_image(cluster, name, B).await;
            until(cluster, name, "B", runs(B)).await;
        }
    });
}

#[test]
fn a_bootstrap_with_a_missing_image_starts_with_the_corrected_one() {
    shared::run(async |cluster| {
        let name = "bootstrap-0";
        let snapshot = json!({ "s3": { "targetHeight": 100 }, "bootstrapImage": MISSING });
        let mut spec = builders::full_node(A);
        spec["fullNode"] = json!({ "snapshot": snapshot });
        spec["peers"] = builders::outside_peers();
        harness::create(cluster, name, spec).await;
        until_condition(cluster, name, ConditionType::Ready, "False/WaitingForPod", &pull_fails()).await;
        let corrected = json!({ "spec": { "fullNode": { "snapshot": { "bootstrapImage": B } } } });
        harness::patch(cluster, name, corrected).await;
        until(cluster, name, "up with the corrected image", runs(A)).await;
    });
}

/// The running task of the sidecar completes; later tasks use the new spec, and no work is done twice.
#[test]
fn a_change_during_a_sidecar_task_takes_effect_after_it() {
    shared::run(async |cluster| {
        let name = "busy-0";
        let host = Cluster::host(name);
        cluster.simulator.faults(&host, |faults| faults.delay = Duration::from_millis(1500));
        harness::create(cluster, name, builders::full_node(A)).await;
        let working = until(cluster, name, "configure-genesis is running", |node| {
            task(node, "configure-genesis").is_some_and(|task| task.submitted_at.is_some())
        })
        .await;
        let first = working.status.unwrap().plan.unwrap().id;
        harness::patch(cluster, name, json!({ "spec": { "overrides": { "evm.http_port": "9545" } } })).await;
        cluster.simulator.faults(&host, |faults| faults.delay = Duration::from_millis(20));
        let node = until(cluster, name, "Running", is_running).await;
        assert_ne!(node.status.unwrap().plan.unwrap().id, first, "another plan");
        let runs = cluster.simulator.runs(&host);
        assert_eq!(runs["configure-genesis"], 1, "{runs:?}");
        assert_eq!(runs["config-apply"], 1, "only that of the new spec: {runs:?}");
        let calls = cluster.simulator.calls(&host);
        let applied = calls.iter().find(|call| call.body["type"] == "config-apply").unwrap();
        assert_eq!(applied.body["params"]["overrides"]["evm.http_port"], "9545");
        assert!(cluster.simulator.repeated(&host).is_empty());
    });
}

/// Several spec changes in a row, faster than the operator can follow.
#[test]
fn the_last_of_several_changes_in_a_row_takes_effect() {
    shared::run(async |cluster| {
        let name = "hasty-0";
        harness::create(cluster, name, builders::full_node(A)).await;
        for image in [B, A, MISSING, B] {
            set_image(cluster, name, image).await;
            tokio::time::sleep(Duration::from_millis(35)).await;
        }
        until(cluster, name, "the last of them", runs(B)).await;
        let pods = harness::api::<k8s_openapi::api::core::v1::Pod>(cluster);
        let pod = pods.get(&format!("{name}-0")).await.unwrap();
        let image = |pod: &k8s_openapi::api::core::v1::Pod| {
            let containers = pod.spec.clone().unwrap().containers;
            containers.into_iter().find(|container| container.name == "seid").unwrap().image
        };
        assert_eq!(image(&pod).as_deref(), Some(B), "{} runs it", pod.name_any());
        assert!(cluster.simulator.repeated(&Cluster::host(name)).is_empty());
    });
}
