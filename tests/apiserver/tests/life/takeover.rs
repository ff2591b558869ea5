//! Taking over from the Go controller: its objects as it left them, its plans at every task.

use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::Pod};
use kube::{
    Api, ResourceExt,
    api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams},
    core::GroupVersionKind,
};
use sei_api::{SeiNode, conditions::ConditionType};
use sei_testkit::cluster::{Cluster, NAMESPACE};
use serde_json::{Value, json};

use crate::bed::{self, condition, is_running, until};

const CASE: [(&str, &str); 5] = [
    ("seinode", include_str!("../../../conformance/full-plain/seinode.yaml")),
    ("pvc", include_str!("../../../conformance/full-plain/pvc.json")),
    ("statefulset", include_str!("../../../conformance/full-plain/statefulset.json")),
    ("service", include_str!("../../../conformance/full-plain/service.json")),
    ("plan", include_str!("../../../conformance/full-plain/plan.json")),
];

/// A document of the case, for another node.
fn document(kind: &str, node: &str) -> Value {
    let text = CASE.iter().find(|(name, _)| *name == kind).unwrap().1;
    let mut document: Value = serde_saphyr::from_str(text).unwrap();
    rename(&mut document, node);
    document
}

fn rename(value: &mut Value, node: &str) {
    match value {
        Value::String(text) => {
            *text = text.replace("rpc-0", node).replace("pacific-1.svc", &format!("{NAMESPACE}.svc"))
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, node)),
        Value::Object(fields) => fields.values_mut().for_each(|field| rename(field, node)),
        _ => {}
    }
}

/// Writes an object of the Go controller's, owned by `node`.
async fn left(cluster: &Cluster, kind: &str, node: &SeiNode) {
    let mut object = document(kind, &node.name_any());
    object["metadata"]["namespace"] = NAMESPACE.into();
    object["metadata"]["ownerReferences"][0]["uid"] = node.uid().unwrap().into();
    let api_version = object["apiVersion"].as_str().unwrap();
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let gvk = GroupVersionKind::gvk(group, version, object["kind"].as_str().unwrap());
    let api: Api<DynamicObject> =
        Api::namespaced_with(cluster.client.clone(), NAMESPACE, &ApiResource::from_gvk(&gvk));
    let name = object["metadata"]["name"].as_str().unwrap().to_owned();
    let params = PatchParams::apply("seinode-controller").force();
    api.patch(&name, &params, &Patch::Apply(&object)).await.unwrap();
}

/// A SeiNode with the Go controller's finalizer and this status.
async fn node(cluster: &Cluster, name: &str, status: Value) -> SeiNode {
    let mut object = document("seinode", name);
    object["metadata"] =
        json!({ "name": name, "namespace": NAMESPACE, "finalizers": [sei_api::labels::FINALIZER] });
    let made: SeiNode = serde_json::from_value(object).unwrap();
    cluster.nodes().create(&Default::default(), &made).await.unwrap();
    let patch = Patch::Merge(json!({ "status": status }));
    cluster.nodes().patch_status(name, &PatchParams::default(), &patch).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_node_is_adopted_untouched() {
    let cluster = bed::cluster().await;
    let image = document("seinode", "old-0")["spec"]["image"].clone();
    let owner = node(&cluster, "old-0", json!({ "phase": "Running", "currentImage": image })).await;
    for kind in ["pvc", "statefulset", "service"] {
        left(&cluster, kind, &owner).await;
    }
    let host = Cluster::host("old-0");
    // As the Go controller's mark-ready left it.
    cluster.simulator.run_ready(&host);
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    let sets: Api<StatefulSet> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    bed::eventually("the pod runs", || async {
        let pod = pods.get_opt("old-0-0").await.unwrap();
        pod.and_then(|pod| pod.status).is_some_and(|status| status.phase.as_deref() == Some("Running"))
    })
    .await;
    cluster.simulator.run_ready(&host);
    let (pod, set) = (pods.get("old-0-0").await.unwrap(), sets.get("old-0").await.unwrap());

    let _operator = bed::operator(&cluster);
    until(&cluster, "old-0", "judged", |node| {
        condition(node, ConditionType::Ready).as_deref() == Some("True/NodeReady")
    })
    .await;
    assert_eq!(pods.get("old-0-0").await.unwrap().uid(), pod.uid(), "the pod is the same");
    assert_eq!(sets.get("old-0").await.unwrap().metadata.generation, set.metadata.generation);
    let posts = cluster.simulator.calls(&host).into_iter().filter(|call| call.method == "POST").count();
    assert_eq!(posts, 0, "nothing was asked of the sidecar");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_the_go_controller_is_taken_up_at_every_task() {
    let cluster = bed::cluster().await;
    let plan = document("plan", "old-0")["init"]["plan"].clone();
    let tasks = plan["tasks"].as_array().unwrap().len();
    let name = |done: usize| format!("half-{done}");
    for done in 0..tasks {
        let name = name(done);
        let mut plan = document("plan", &name)["init"]["plan"].clone();
        for task in plan["tasks"].as_array_mut().unwrap().iter_mut().take(done) {
            task["status"] = "Complete".into();
        }
        let owner = node(&cluster, &name, json!({ "phase": "Initializing", "plan": plan })).await;
        for (task, kind) in [(1, "pvc"), (2, "statefulset"), (3, "service")] {
            if done >= task {
                left(&cluster, kind, &owner).await;
            }
        }
    }
    let _operator = bed::operator(&cluster);
    for done in 0..tasks {
        let name = name(done);
        let node = until(&cluster, &name, "Running", is_running).await;
        let stored = node.status.unwrap().plan.unwrap();
        assert_eq!(stored.id, plan["id"], "{name}: its plan was not lost");
        let asked = cluster.simulator.runs(&Cluster::host(&name));
        for (index, task) in plan["tasks"].as_array().unwrap().iter().enumerate() {
            let runs = asked.get(task["type"].as_str().unwrap()).copied().unwrap_or(0);
            if index < done {
                assert_eq!(runs, 0, "{name}: {} was done before", task["type"]);
            } else if index >= 3 {
                assert_eq!(runs, 1, "{name}: {} was left to do", task["type"]);
            }
        }
    }
}

/// Sets the image that a StatefulSet of the Go controller's is for.
async fn with_image(cluster: &Cluster, name: &str, image: &str) -> StatefulSet {
    let sets: Api<StatefulSet> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    let patch = json!([
        { "op": "replace", "path": "/spec/template/spec/containers/0/image", "value": image },
        { "op": "replace", "path": "/spec/template/spec/initContainers/0/image", "value": image },
    ]);
    let params = PatchParams { field_manager: Some("seinode-controller".to_owned()), ..Default::default() };
    sets.patch(name, &params, &Patch::<Value>::Json(serde_json::from_value(patch).unwrap())).await.unwrap()
}

/// The Go controller's plan of this story, done up to `done`.
fn plan(story: &str, name: &str, done: usize) -> Value {
    let mut plan = document("plan", name)[story]["plan"].clone();
    for task in plan["tasks"].as_array_mut().unwrap().iter_mut().take(done) {
        task["status"] = "Complete".into();
    }
    plan
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_of_running_nodes_are_taken_up_where_they_are() {
    let cluster = bed::cluster().await;
    let image = document("seinode", "old-0")["spec"]["image"].as_str().unwrap().to_owned();
    let next = document("plan", "old-0")["imageUpdate"]["specImage"].as_str().unwrap().to_owned();
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    let mut before = Vec::new();
    // Updates at every task; a no-op update, which the Go controller makes of every new node; mark-ready; and an
    // update whose image cannot be pulled, corrected while the Go controller went on waiting.
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
        let status = json!({ "phase": "Running", "currentImage": current, "plan": plan(story, name, *done) });
        let owner = node(&cluster, name, status).await;
        for kind in ["pvc", "statefulset", "service"] {
            left(&cluster, kind, &owner).await;
        }
        let set = with_image(&cluster, name, applied).await;
        if *done >= 3 {
            // The Go controller had deleted the pod of the image before.
            bed::eventually("its pod has the image", || async {
                let pod = pods.get_opt(&format!("{name}-0")).await.unwrap();
                let Some(spec) = pod.and_then(|pod| pod.spec) else { return false };
                let has_it = spec.containers.iter().any(|it| it.image.as_deref() == Some(applied.as_str()));
                if !has_it {
                    // Gone already is as good.
                    let _ = pods.delete(&format!("{name}-0"), &DeleteParams::default()).await;
                }
                has_it
            })
            .await;
        }
        bed::patch(&cluster, name, json!({ "spec": { "image": wanted } })).await;
        before.push(set.metadata.generation);
    }
    for (name, ..) in &all {
        bed::eventually("its pod exists", || async {
            pods.get_opt(&format!("{name}-0")).await.unwrap().is_some()
        })
        .await;
        cluster.simulator.run_ready(&Cluster::host(name));
    }
    let _operator = bed::operator(&cluster);
    let sets: Api<StatefulSet> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    for ((name, story, _, _, wanted), generation) in all.iter().zip(before) {
        let node = until(&cluster, name, "brought to its end", bed::runs(wanted)).await;
        if name == "wedged-0" {
            continue;
        }
        let stored = node.status.unwrap().plan.unwrap();
        assert_eq!(stored.id, plan(story, name, 0)["id"], "{name}: its plan was not lost");
        let set = sets.get(name).await.unwrap();
        assert_eq!(set.metadata.generation, generation, "{name}: the StatefulSet was left alone");
        let runs = cluster.simulator.runs(&Cluster::host(name));
        assert_eq!(runs, [("mark-ready".to_owned(), 1)].into(), "{name}");
    }
}
