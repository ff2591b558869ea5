//! Running nodes: updates, drift, restarts, and failures.

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{Pod, Service},
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams},
};
use sei_api::{conditions::ConditionType, v1alpha1::NodePhase};
use sei_testkit::{
    builders,
    cluster::{Cluster, NAMESPACE},
};
use serde_json::json;

use crate::harness::{self, condition, eventually, is_running, runs, set_image, until};

const A: &str = "ghcr.io/sei-protocol/sei:a";
const B: &str = "ghcr.io/sei-protocol/sei:b";
const C: &str = "ghcr.io/sei-protocol/sei:c";

async fn seid_image(cluster: &Cluster) -> String {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    let pod = pods.get("node-0-0").await.unwrap();
    let seid = pod.spec.unwrap().containers.into_iter().find(|container| container.name == "seid");
    seid.unwrap().image.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_changed_reverted_and_changed_again_during_a_rollout() {
    let cluster = harness::cluster().await;
    let _operator = harness::operator(&cluster);
    harness::create(&cluster, "node-0", builders::full_node(A)).await;
    until(&cluster, "node-0", "Running", is_running).await;
    for image in [B, A] {
        set_image(&cluster, "node-0", image).await;
        until(&cluster, "node-0", "updated", runs(image)).await;
        assert_eq!(seid_image(&cluster).await, image);
    }
    // B never becomes ready: its sidecar does not complete mark-ready.
    let host = Cluster::host("node-0");
    cluster.simulator.faults(&host, |faults| {
        faults.stuck.insert("mark-ready".to_owned());
    });
    set_image(&cluster, "node-0", B).await;
    until(&cluster, "node-0", "B on its way", |node| {
        let plan = node.status.as_ref().and_then(|status| status.plan.clone());
        plan.is_some_and(|plan| {
            plan.target_image.as_deref() == Some(B)
                && plan.tasks.iter().any(|task| task.type_ == "mark-ready" && task.submitted_at.is_some())
        })
    })
    .await;
    set_image(&cluster, "node-0", C).await;
    cluster.simulator.faults(&host, |faults| {
        faults.stuck.remove("mark-ready");
    });
    // B's sidecar with the hanging task is replaced with its pod.
    until(&cluster, "node-0", "C", runs(C)).await;
    assert_eq!(seid_image(&cluster).await, C);
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_of_owned_objects_is_reverted_without_touching_the_pod() {
    let cluster = harness::cluster().await;
    let _operator = harness::operator(&cluster);
    harness::create(&cluster, "node-0", builders::full_node(A)).await;
    until(&cluster, "node-0", "ready", runs(A)).await;
    let sets: Api<StatefulSet> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    let services: Api<Service> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    let pod = pods.get("node-0-0").await.unwrap().uid();

    services.delete("node-0", &DeleteParams::default()).await.unwrap();
    eventually("the Service is back", || async { services.get_opt("node-0").await.unwrap().is_some() }).await;
    let edit = Patch::Merge(json!({ "spec": { "publishNotReadyAddresses": false } }));
    services.patch("node-0", &PatchParams::default(), &edit).await.unwrap();
    eventually("the Service says what it should", || async {
        let service = services.get("node-0").await.unwrap();
        service.spec.unwrap().publish_not_ready_addresses == Some(true)
    })
    .await;
    let orphan = DeleteParams {
        propagation_policy: Some(kube::api::PropagationPolicy::Orphan),
        ..DeleteParams::default()
    };
    sets.delete("node-0", &orphan).await.unwrap();
    eventually("the StatefulSet is back", || async {
        let set = sets.get_opt("node-0").await.unwrap();
        set.is_some_and(|set| set.metadata.deletion_timestamp.is_none())
    })
    .await;
    assert_eq!(pods.get("node-0-0").await.unwrap().uid(), pod, "the pod is the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_sidecar_is_made_ready_again() {
    let cluster = harness::cluster().await;
    let _operator = harness::operator(&cluster);
    harness::create(&cluster, "node-0", builders::full_node(A)).await;
    until(&cluster, "node-0", "ready", runs(A)).await;
    let host = Cluster::host("node-0");
    cluster.simulator.stop(&host);
    cluster.simulator.run(&host);
    let ready = cluster.simulator.readiness(&host);
    eventually("the sidecar is ready", || async { *ready.borrow() }).await;
    let node = until(&cluster, "node-0", "ready again", runs(A)).await;
    assert_eq!(node.status.unwrap().phase, Some(NodePhase::Running));
    assert_eq!(cluster.simulator.runs(&host)["mark-ready"], 2, "one for the start, one for the restart");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_sidecar_delays_no_other_node() {
    let cluster = harness::cluster().await;
    let _operator = harness::operator(&cluster);
    for index in 0..40 {
        let name = format!("hang-{index}");
        cluster.simulator.faults(&Cluster::host(&name), |faults| faults.hang = true);
        harness::create(&cluster, &name, builders::full_node(A)).await;
    }
    until(&cluster, "hang-39", "started", |node| node.status.as_ref().is_some_and(|it| it.plan.is_some()))
        .await;
    harness::create(&cluster, "node-0", builders::full_node(A)).await;
    until(&cluster, "node-0", "Running", is_running).await;
    let hanging = until(&cluster, "hang-0", "its trouble is said", |node| {
        condition(node, ConditionType::Ready).as_deref() == Some("False/SidecarUnreachable")
    })
    .await;
    assert!(!is_running(&hanging));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_keeps_failing_fails_the_plan_and_a_retry_recovers_it() {
    let cluster = harness::cluster().await;
    let _operator = harness::operator(&cluster);
    let host = Cluster::host("node-0");
    let error = "config validation failed: no".to_owned();
    cluster.simulator.faults(&host, |faults| drop(faults.fail.insert("config-validate".into(), (1, error))));
    harness::create(&cluster, "node-0", builders::full_node(A)).await;
    let retrying = until(&cluster, "node-0", "a failed attempt is reported", |node| {
        condition(node, ConditionType::Ready).as_deref() == Some("False/TaskRetrying")
    })
    .await;
    let ready = retrying.status.as_ref().unwrap().condition(ConditionType::Ready).unwrap().message.clone();
    assert!(ready.contains("config validation failed: no"), "{ready}");
    until(&cluster, "node-0", "Running without intervention", is_running).await;
    assert_eq!(cluster.simulator.runs(&host)["config-validate"], 2);

    // A permanent error fails immediately, and a corrected spec or a retry resolves it.
    harness::create(
        &cluster,
        "node-1",
        json!({
            "chainId": "arctic-1", "image": A, "fullNode": {}, "overrides": { "no.such.key": "1" },
        }),
    )
    .await;
    let stalled = until(&cluster, "node-1", "refused", |node| {
        condition(node, ConditionType::Stalled).as_deref() == Some("True/InvalidSpec")
    })
    .await;
    let message = &stalled.status.as_ref().unwrap().condition(ConditionType::Stalled).unwrap().message;
    assert!(message.contains("no.such.key"), "{message}");
    let patch = json!({ "spec": { "overrides": null } });
    cluster.nodes().patch("node-1", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    until(&cluster, "node-1", "Running once corrected", is_running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_in_any_state_can_be_deleted() {
    let cluster = harness::cluster().await;
    let _operator = harness::operator(&cluster);
    harness::create(&cluster, "waiting-0", builders::tls_full_node(A, "never")).await;
    let host = Cluster::host("hanging-0");
    cluster.simulator.faults(&host, |faults| faults.hang = true);
    harness::create(&cluster, "hanging-0", builders::full_node(A)).await;
    let host = Cluster::host("stuck-0");
    cluster.simulator.faults(&host, |faults| {
        faults.stuck.insert("configure-genesis".to_owned());
    });
    harness::create(&cluster, "stuck-0", builders::full_node(A)).await;
    until(&cluster, "stuck-0", "in its plan", |node| {
        condition(node, ConditionType::Ready).as_deref() == Some("False/SidecarTaskRunning")
    })
    .await;
    for name in ["waiting-0", "hanging-0", "stuck-0"] {
        cluster.nodes().delete(name, &DeleteParams::default()).await.unwrap();
    }
    harness::nothing_left_but(&cluster, &[]).await;
}
