//! Running nodes of the Go controller: adopted untouched, their plans continued.

use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::Pod};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams},
};
use sei_api::conditions::ConditionType;
use sei_testkit::{
    builders,
    cluster::{Cluster, NAMESPACE},
};
use serde_json::{Value, json};

use crate::{
    go_controller::PLAIN,
    harness::{self, condition, until},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_running_node_is_adopted_untouched() {
    let cluster = harness::cluster().await;
    let image = PLAIN.document("seinode", "old-0")["spec"]["image"].clone();
    let owner = PLAIN.node(&cluster, "old-0", json!({ "phase": "Running", "currentImage": image })).await;
    for kind in ["pvc", "statefulset", "service"] {
        PLAIN.leave(&cluster, kind, &owner).await;
    }
    let host = Cluster::host("old-0");
    // Like after the Go controller's mark-ready.
    cluster.simulator.run_ready(&host);
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    let sets: Api<StatefulSet> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    harness::eventually("the pod runs", || async {
        let pod = pods.get_opt("old-0-0").await.unwrap();
        pod.and_then(|pod| pod.status).is_some_and(|status| status.phase.as_deref() == Some("Running"))
    })
    .await;
    cluster.simulator.run_ready(&host);
    let (pod, set) = (pods.get("old-0-0").await.unwrap(), sets.get("old-0").await.unwrap());

    assert_eq!(forecast(&cluster).await, ["SeiNode old-0: continues"]);
    let _operator = harness::operator(&cluster);
    until(&cluster, "old-0", "judged", |node| {
        condition(node, ConditionType::Ready).as_deref() == Some("True/NodeReady")
    })
    .await;
    assert_eq!(pods.get("old-0-0").await.unwrap().uid(), pod.uid(), "the pod is the same");
    assert_eq!(sets.get("old-0").await.unwrap().metadata.generation, set.metadata.generation);
    let posts = cluster.simulator.calls(&host).into_iter().filter(|call| call.method == "POST").count();
    assert_eq!(posts, 0, "no task was submitted to the sidecar");
}

/// The forecast of `migrate check` for each object.
async fn forecast(cluster: &Cluster) -> Vec<String> {
    let mut command = tokio::process::Command::new(harness::binary());
    command.args(["migrate", "check", "-o", "json", "--kubeconfig"]).arg(cluster.plane.kubeconfig());
    let output = command.envs(builders::platform()).output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    let found: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let line = |it: &Value| format!("{} {}: {}", it["kind"], it["name"], it["effect"]).replace('"', "");
    found.iter().map(line).collect()
}

/// Sets the image of a StatefulSet of the Go controller.
async fn with_image(cluster: &Cluster, name: &str, image: &str) -> StatefulSet {
    let sets: Api<StatefulSet> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    let patch = json!([
        { "op": "replace", "path": "/spec/template/spec/containers/0/image", "value": image },
        { "op": "replace", "path": "/spec/template/spec/initContainers/0/image", "value": image },
    ]);
    let params = PatchParams { field_manager: Some("seinode-controller".to_owned()), ..Default::default() };
    sets.patch(name, &params, &Patch::<Value>::Json(serde_json::from_value(patch).unwrap())).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_of_running_nodes_are_continued() {
    let cluster = harness::cluster().await;
    let image = PLAIN.document("seinode", "old-0")["spec"]["image"].as_str().unwrap().to_owned();
    let next = PLAIN.document("plan", "old-0")["imageUpdate"]["specImage"].as_str().unwrap().to_owned();
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    let mut before = Vec::new();
    // Updates at every task; a no-op update, which the Go controller creates for every new node; mark-ready;
    // and an update whose image cannot be pulled, corrected while the Go controller kept waiting.
    let updates =
        (1..5).map(|done| (format!("update-{done}"), "imageUpdate", done, next.clone(), next.clone()));
    let others = [
        ("noop-0".to_owned(), "imageUpdate", 0, image.clone(), image.clone()),
        ("noop-2".to_owned(), "imageUpdate", 2, image.clone(), image.clone()),
        ("again-0".to_owned(), "markReadyReapply", 0, image.clone(), image.clone()),
        ("wedged-0".to_owned(), "imageUpdate", 3, "seid:missing".to_owned(), next.clone()),
    ];
    let all: Vec<_> = updates.chain(others).collect();
    for (name, story, done, applied, wanted) in &all {
        let current = (!name.starts_with("noop")).then_some(&image);
        let status =
            json!({ "phase": "Running", "currentImage": current, "plan": PLAIN.plan(story, name, *done) });
        let owner = PLAIN.node(&cluster, name, status).await;
        for kind in ["pvc", "statefulset", "service"] {
            PLAIN.leave(&cluster, kind, &owner).await;
        }
        let set = with_image(&cluster, name, applied).await;
        if *done >= 3 {
            // The Go controller had deleted the pod with the previous image.
            harness::eventually("its pod has the image", || async {
                let pod = pods.get_opt(&format!("{name}-0")).await.unwrap();
                let Some(spec) = pod.and_then(|pod| pod.spec) else { return false };
                let has_it = spec.containers.iter().any(|it| it.image.as_deref() == Some(applied.as_str()));
                if !has_it {
                    // It may already be gone.
                    let _ = pods.delete(&format!("{name}-0"), &DeleteParams::default()).await;
                }
                has_it
            })
            .await;
        }
        harness::patch(&cluster, name, json!({ "spec": { "image": wanted } })).await;
        before.push(set.metadata.generation);
    }
    for (name, ..) in &all {
        harness::eventually("its pod exists", || async {
            pods.get_opt(&format!("{name}-0")).await.unwrap().is_some()
        })
        .await;
        cluster.simulator.run_ready(&Cluster::host(name));
    }
    let _operator = harness::operator(&cluster);
    let sets: Api<StatefulSet> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    for ((name, story, _, _, wanted), generation) in all.iter().zip(before) {
        let node = until(&cluster, name, "brought to its end", harness::runs(wanted)).await;
        if name == "wedged-0" {
            continue;
        }
        let stored = node.status.unwrap().plan.unwrap();
        assert_eq!(stored.id, PLAIN.plan(story, name, 0)["id"], "{name}: its plan was not lost");
        let set = sets.get(name).await.unwrap();
        assert_eq!(set.metadata.generation, generation, "{name}: the StatefulSet was left alone");
        let runs = cluster.simulator.runs(&Cluster::host(name));
        assert_eq!(runs, [("mark-ready".to_owned(), 1)].into(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_with_a_task_of_a_later_go_controller_is_replaced() {
    let cluster = harness::cluster().await;
    let name = "later-0";
    let next = PLAIN.document("plan", name)["imageUpdate"]["specImage"].as_str().unwrap().to_owned();
    let mut plan = PLAIN.plan("imageUpdate", name, 2);
    let patch =
        json!({ "type": "config-patch", "id": "11111111-2222-4333-8444-555555555555", "status": "Pending" });
    plan["tasks"].as_array_mut().unwrap().insert(2, patch);
    let image = PLAIN.document("seinode", name)["spec"]["image"].clone();
    let status = json!({ "phase": "Running", "currentImage": image, "plan": plan });
    let owner = PLAIN.node_with(&cluster, name, status, json!({ "image": next })).await;
    for kind in ["pvc", "statefulset", "service"] {
        PLAIN.leave(&cluster, kind, &owner).await;
    }
    cluster.simulator.run_ready(&Cluster::host(name));
    let _operator = harness::operator(&cluster);
    until(&cluster, name, "updated", harness::runs(&next)).await;
}
