//! The case tables of `crates/api/tests/admission` against a real API server, whose result is authoritative;
//! and the handling of objects that were stored with the Go controller's CRD.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

#[allow(dead_code, reason = "each test reads a part of the table")]
#[path = "../../../crates/api/tests/admission/cases.rs"]
mod cases;

use std::time::Duration;

use cases::{Case, Expect};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, Status};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Client, CustomResourceExt};
use sei_api::{SeiNode, SeiNodeDeployment, SeiNodeTask};
use sei_testkit::control_plane::{ControlPlane, assets};
use serde_json::{Value, json};

#[tokio::test]
async fn every_case_has_the_expected_result_on_a_real_server() {
    let plane = ControlPlane::start(&assets().unwrap()).await.unwrap();
    let client = plane.client().await.unwrap();
    install(&client, &sei_api::crd_manifest().unwrap()).await;
    stored_as_sent(&client).await;
    judged_as_expected(&nodes(&client), cases::nodes()).await;
    objects_stored_before_stay_usable(&client).await;
}

#[tokio::test]
async fn every_group_has_the_expected_result_on_a_real_server() {
    let plane = ControlPlane::start(&assets().unwrap()).await.unwrap();
    let client = plane.client().await.unwrap();
    create(&client, &sei_api::deployment_crd(), SeiNodeDeployment::crd_name()).await;
    let groups = Api::default_namespaced_with(client, &ApiResource::erase::<SeiNodeDeployment>(&()));
    judged_as_expected(&groups, cases::deployments()).await;
    judged_as_expected(&groups, cases::recorded()).await;
    scaled_through_the_subresource(&groups).await;
}

#[tokio::test]
async fn every_task_has_the_expected_result_on_a_real_server() {
    let plane = ControlPlane::start(&assets().unwrap()).await.unwrap();
    let client = plane.client().await.unwrap();
    create(&client, &sei_api::task_crd(), SeiNodeTask::crd_name()).await;
    let tasks = Api::default_namespaced_with(client, &ApiResource::erase::<SeiNodeTask>(&()));
    judged_as_expected(&tasks, cases::tasks()).await;
}

/// Creates a CRD and waits until it is served.
async fn create(client: &Client, crd: &CustomResourceDefinition, name: &str) {
    let crds = Api::<CustomResourceDefinition>::all(client.clone());
    crds.create(&PostParams::default(), crd).await.unwrap();
    let established = await_condition(crds, name, conditions::is_crd_established());
    tokio::time::timeout(Duration::from_secs(30), established).await.unwrap().unwrap();
}

async fn judged_as_expected(objects: &Api<DynamicObject>, cases: Vec<Case>) {
    let mut wrong = Vec::new();
    for case in cases {
        let answer = send(objects, &case).await;
        if !agrees(&case.expect, &answer) {
            wrong.push(format!("{}: {answer:?}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `kubectl scale` changes the replicas, within the same bounds.
async fn scaled_through_the_subresource(groups: &Api<DynamicObject>) {
    let named = |case: &Case| case.name == "a group of full nodes";
    let Case { object, .. } = cases::deployments().into_iter().find(named).unwrap();
    let group: DynamicObject = serde_json::from_value(object).unwrap();
    let name = group.metadata.name.clone().unwrap();
    groups.create(&PostParams::default(), &group).await.unwrap();
    let merge = PatchParams::default();
    let replicas = |number: i32| Patch::Merge(json!({ "spec": { "replicas": number } }));
    let scale = groups.patch_scale(&name, &merge, &replicas(5)).await.unwrap();
    assert_eq!(scale.spec.unwrap().replicas, Some(5));
    assert!(groups.patch_scale(&name, &merge, &replicas(0)).await.is_err());
    let group = groups.get(&name).await.unwrap();
    assert_eq!(group.data["spec"]["replicas"], 5);
}

/// The stored CRD equals the installed one, so that GitOps tools see no difference.
async fn stored_as_sent(client: &Client) {
    let sent = sei_api::crd_manifest().unwrap();
    let stored = Api::<CustomResourceDefinition>::all(client.clone()).get(SeiNode::crd_name()).await.unwrap();
    let stored = serde_json::to_value(&stored).unwrap();
    assert_eq!(stored["spec"]["names"], sent["spec"]["names"]);
    assert_eq!(stored["spec"]["versions"], serde_json::to_value(sei_api::crd()).unwrap()["spec"]["versions"]);
}

/// A node that the Go controller's CRD admitted and ours would reject can still be changed, reported on and
/// deleted.
async fn objects_stored_before_stay_usable(client: &Client) {
    let go: Value = serde_json::from_str(include_str!("../../conformance/crd-schema.json")).unwrap();
    let mut crd = sei_api::crd_manifest().unwrap();
    crd["spec"]["names"] = go["names"].clone();
    crd["spec"]["versions"] = json!([go["version"]]);
    install(client, &crd).await;
    let name = "a".repeat(60);
    let nodes = nodes(client);
    let node: DynamicObject = serde_json::from_value(json!({
        "apiVersion": "sei.io/v1alpha1",
        "kind": "SeiNode",
        "metadata": { "name": name, "finalizers": [sei_api::labels::FINALIZER] },
        "spec": {
            "chainId": "a chain",
            "image": "i",
            "fullNode": {},
            "sidecar": { "port": 8443, "tls": { "secretName": "A_Secret" } },
        },
    }))
    .unwrap();
    nodes.create(&PostParams::default(), &node).await.unwrap();

    install(client, &sei_api::crd_manifest().unwrap()).await;
    let merge = PatchParams::default();
    let change = |change: Value| Patch::Merge(change);
    nodes.patch(&name, &merge, &change(json!({ "spec": { "image": "j" } }))).await.unwrap();
    nodes.patch_status(&name, &merge, &change(json!({ "status": { "phase": "Pending" } }))).await.unwrap();
    let refused = change(json!({ "spec": { "sidecar": { "port": 9300 } } }));
    assert!(nodes.patch(&name, &merge, &refused).await.is_err());
    nodes.delete(&name, &DeleteParams::default()).await.unwrap();
    nodes.patch(&name, &merge, &change(json!({ "metadata": { "finalizers": null } }))).await.unwrap();
    assert!(nodes.get_opt(&name).await.unwrap().is_none());
}

/// Sends the case's object as a dry run; an object to update is created first and deleted afterwards.
async fn send(nodes: &Api<DynamicObject>, case: &Case) -> Result<(), Box<Status>> {
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    let mut object: DynamicObject = serde_json::from_value(case.object.clone()).unwrap();
    let Some(old) = &case.old else {
        return answer(nodes.create(&dry_run, &object).await);
    };
    let old: DynamicObject = serde_json::from_value(old.clone()).unwrap();
    let name = old.metadata.name.clone().unwrap();
    let stored = nodes.create(&PostParams::default(), &old).await.unwrap_or_else(|error| {
        panic!("{}: the object to update is refused: {error}", case.name);
    });
    object.metadata.resource_version = stored.metadata.resource_version;
    let answer = answer(nodes.replace(&name, &dry_run, &object).await);
    nodes.delete(&name, &DeleteParams::default()).await.unwrap();
    answer
}

fn answer(result: kube::Result<DynamicObject>) -> Result<(), Box<Status>> {
    match result {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) => Err(status),
        Err(error) => panic!("no answer: {error}"),
    }
}

fn agrees(expect: &Expect, answer: &Result<(), Box<Status>>) -> bool {
    let causes = match answer {
        Ok(()) => return expect.is_admitted(),
        Err(status) if status.code == 422 => status.details.iter().flat_map(|details| &details.causes),
        Err(_) => return false,
    };
    match expect {
        Expect::Admitted | Expect::Stalled(_) => false,
        Expect::Refused(message) => causes.into_iter().any(|cause| cause.message.contains(message.as_str())),
        Expect::Bound(path) => causes.into_iter().any(|cause| cause.field.starts_with(path.as_str())),
    }
}

fn nodes(client: &Client) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), "default", &ApiResource::erase::<SeiNode>(&()))
}

/// Installs `crd`, replacing another one if necessary, and waits until the server uses it.
async fn install(client: &Client, crd: &Value) {
    let crds =
        Api::<DynamicObject>::all_with(client.clone(), &ApiResource::erase::<CustomResourceDefinition>(&()));
    let mut crd: DynamicObject = serde_json::from_value(crd.clone()).unwrap();
    let name = crd.metadata.name.clone().unwrap();
    match crds.get_opt(&name).await.unwrap() {
        Some(stored) => {
            crd.metadata.resource_version = stored.metadata.resource_version;
            crds.replace(&name, &PostParams::default(), &crd).await.unwrap();
        }
        None => drop(crds.create(&PostParams::default(), &crd).await.unwrap()),
    }
    // A server takes a moment to serve a CRD and, silently, to replace one. Our CRD rejects a name of 53
    // characters, the Go controller's does not.
    let ours = crd.data.pointer("/spec/names/categories").is_some();
    let probe: DynamicObject = serde_json::from_value(json!({
        "apiVersion": "sei.io/v1alpha1",
        "kind": "SeiNode",
        "metadata": { "name": "a".repeat(53) },
        "spec": { "chainId": "c", "image": "i", "fullNode": {} },
    }))
    .unwrap();
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    let deadline = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            let refused = match nodes(client).create(&dry_run, &probe).await {
                Ok(_) => Some(false),
                Err(kube::Error::Api(status)) if status.code == 422 => Some(true),
                Err(_) => None,
            };
            if refused == Some(ours) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    deadline.await.unwrap();
}
