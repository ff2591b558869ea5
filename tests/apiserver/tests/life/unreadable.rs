//! SeiNodes that the operator cannot decode, next to valid ones. They were stored while the CRD had weaker rules.

use std::time::Duration;

use k8s_openapi::{
    api::events::v1::Event, apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Resource, ResourceExt,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams},
};
use sei_api::SeiNode;
use sei_testkit::{
    builders,
    cluster::{self, Cluster, NAMESPACE},
};
use serde_json::{Value, json};

use crate::{
    harness::{self, eventually, is_running, until},
    process::{get, replica},
};

const A: &str = "ghcr.io/sei-protocol/sei:a";

/// Objects of a kind as they are stored.
pub fn raw<K: Resource<DynamicType = ()>>(cluster: &Cluster) -> Api<DynamicObject> {
    Api::namespaced_with(cluster.client.clone(), NAMESPACE, &ApiResource::erase::<K>(&()))
}

fn nodes(cluster: &Cluster) -> Api<DynamicObject> {
    raw::<SeiNode>(cluster)
}

fn object(name: &str, spec: &Value) -> DynamicObject {
    let object = json!({
        "apiVersion": "sei.io/v1alpha1", "kind": "SeiNode",
        "metadata": { "name": name, "namespace": NAMESPACE },
        "spec": spec,
    });
    serde_json::from_value(object).unwrap()
}

fn broken_spec() -> Value {
    let mut spec = builders::full_node(A);
    // No rule uses it: the API server evaluates rules on stored objects, and would reject the status of such
    // an object too.
    spec["entrypoint"] = json!("none");
    spec
}

/// Stores objects that the current CRD does not admit.
async fn store(cluster: &Cluster, objects: &[DynamicObject]) {
    weaken(cluster, sei_api::crd_manifest().unwrap(), "/properties/spec").await;
    for object in objects {
        eventually("the weaker CRD is served", || async {
            nodes(cluster).create(&PostParams::default(), object).await.is_ok()
        })
        .await;
    }
    cluster::install_crds(&cluster.client).await.unwrap();
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    eventually("the present CRD is served", || async {
        nodes(cluster).create(&dry_run, &object("refused", &broken_spec())).await.is_err()
    })
    .await;
}

/// Serves a CRD without rules, in which the node whose schema is at `spec` may have any `entrypoint`.
pub async fn weaken(cluster: &Cluster, mut manifest: Value, spec: &str) {
    without_rules(&mut manifest);
    let name = manifest["metadata"]["name"].as_str().unwrap().to_owned();
    let schema = &mut manifest["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    schema.as_object_mut().unwrap().remove("required");
    schema.pointer_mut(spec).unwrap()["properties"]["entrypoint"] =
        json!({ "x-kubernetes-preserve-unknown-fields": true });
    let crds: Api<CustomResourceDefinition> = Api::all(cluster.client.clone());
    let params = PatchParams::apply("sei-operator-tests").force();
    crds.patch(&name, &params, &Patch::Apply(&manifest)).await.unwrap();
}

fn without_rules(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.remove("x-kubernetes-validations");
            fields.values_mut().for_each(without_rules);
        }
        Value::Array(items) => items.iter_mut().for_each(without_rules),
        _ => {}
    }
}

/// The message of a condition, with its reason.
pub fn condition(object: &DynamicObject, kind: &str) -> Option<String> {
    let conditions = object.data["status"]["conditions"].as_array()?;
    let found = conditions.iter().find(|condition| condition["type"] == kind)?;
    Some(format!("{}: {}", found["reason"].as_str()?, found["message"].as_str()?))
}

async fn stalled(cluster: &Cluster, name: &str) -> Option<String> {
    condition(&nodes(cluster).get(name).await.unwrap(), "Stalled")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undecodable_node_blocks_no_other_and_reports_the_field() {
    let cluster = harness::cluster().await;
    store(&cluster, &[object("broken-0", &broken_spec()), object("removed-0", &broken_spec())]).await;

    // In the first list.
    let operator = replica(&cluster, 18_121);
    harness::create(&cluster, "good-0", builders::full_node(A)).await;
    until(&cluster, "good-0", "Running", is_running).await;
    eventually("it is ready", || async { get(18_121, "/readyz").await.contains("200 OK") }).await;
    eventually("the node says what is wrong", || async {
        stalled(&cluster, "broken-0").await.is_some_and(|said| {
            said.starts_with("Unreadable: ") && said.contains("spec.entrypoint: invalid type: string")
        })
    })
    .await;
    let metric = |name: &str| {
        format!("sei_controller_seinode_unreadable{{namespace=\"{NAMESPACE}\",name=\"{name}\"}} 1")
    };
    let metrics = get(18_122, "/metrics").await;
    assert!(metrics.contains(&metric("broken-0")) && metrics.contains(&metric("removed-0")), "{metrics}");
    for name in ["broken-0", "removed-0"] {
        let line = format!("\"kind\":\"SeiNode\",\"namespace\":\"{NAMESPACE}\",\"name\":\"{name}\"");
        assert!(operator.log().contains(&line), "{name} is named in {}", operator.log());
        eventually("an event is published", || async { warned(&cluster, name).await }).await;
    }

    // In a running watch.
    store(&cluster, &[object("broken-1", &broken_spec())]).await;
    harness::create(&cluster, "good-1", builders::full_node(A)).await;
    until(&cluster, "good-1", "Running", is_running).await;
    eventually("the second says so too", || async { stalled(&cluster, "broken-1").await.is_some() }).await;

    // An object that was reported once is not written again.
    let version = || async { nodes(&cluster).get("broken-0").await.unwrap().resource_version() };
    let before = version().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(version().await, before);

    // A corrected object is reconciled like any other node; the series of a deleted one is removed.
    let corrected = json!({ "spec": { "entrypoint": null } });
    nodes(&cluster).patch("broken-0", &PatchParams::default(), &Patch::Merge(&corrected)).await.unwrap();
    until(&cluster, "broken-0", "Running", is_running).await;
    nodes(&cluster).delete("removed-0", &DeleteParams::default()).await.unwrap();
    eventually("no series is left", || async {
        let metrics = get(18_122, "/metrics").await;
        !metrics.contains(&metric("broken-0")) && !metrics.contains(&metric("removed-0"))
    })
    .await;
}

async fn warned(cluster: &Cluster, name: &str) -> bool {
    let events = harness::api::<Event>(cluster).list(&ListParams::default()).await.unwrap();
    events.iter().any(|event| {
        event.reason.as_deref() == Some("Unreadable")
            && event.regarding.as_ref().and_then(|it| it.name.as_deref()) == Some(name)
    })
}
