//! What is kept of each kind of object, and that everything read later is kept.

use sei_decide::{Claim, exclusive::Exclusive, objects::image_of};
use sei_node::Node;
use sei_render::{Platform, Rendered};
use sei_sidecar::ServerTrust;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::*;
use crate::sidecar::{Target, fingerprint};

fn with_metadata<K: DeserializeOwned>(owner: Option<&str>, mut rest: Value) -> K {
    let owners: Vec<_> = owner
        .map(|kind| json!({ "apiVersion": "sei.io/v1alpha1", "kind": kind, "name": "node-0", "uid": "u", "controller": true }))
        .into_iter()
        .collect();
    rest["metadata"] = json!({
        "name": "node-0", "namespace": "pacific-1", "uid": "u", "resourceVersion": "7",
        "labels": { "sei.io/node": "node-0" },
        "annotations": { LAST_APPLIED: "a private key" },
        "ownerReferences": owners,
        "managedFields": [{ "manager": "kubectl", "fieldsV1": { "f:spec": { "f:replicas": {} }, "f:metadata": {} } }],
    });
    serde_json::from_value(rest).unwrap()
}

fn text(object: &impl serde::Serialize) -> String {
    serde_json::to_string(object).unwrap()
}

#[test]
fn only_the_name_and_version_of_a_secret_are_kept() {
    let mut object: PartialObjectMeta<Secret> = with_metadata(None, json!({}));
    secret(&mut object);
    assert_eq!(
        serde_json::to_value(&object.metadata).unwrap(),
        json!({ "name": "node-0", "namespace": "pacific-1", "uid": "u", "resourceVersion": "7" })
    );
}

#[test]
fn only_the_proxy_configuration_of_a_config_map_is_kept() {
    let data = json!({ "data": { "config.yaml": "a: b", "more": "x" }, "binaryData": { "blob": "AAAA" } });
    let mut ours: ConfigMap = with_metadata(Some("SeiNode"), data.clone());
    config_map(&mut ours);
    assert_eq!(serde_json::to_value(&ours.data).unwrap(), json!({ "config.yaml": "a: b" }));
    assert_eq!(ours.binary_data, None);
    let mut foreign: ConfigMap = with_metadata(None, data);
    config_map(&mut foreign);
    assert_eq!(foreign.data, None);
    let long = json!({ "data": { "config.yaml": "x".repeat(1_000_000) } });
    let mut edited: ConfigMap = with_metadata(Some("SeiNode"), long);
    config_map(&mut edited);
    assert!(text(&edited).len() < 1000, "and still differs from the desired value");
}

#[test]
fn of_an_object_of_another_owner_only_the_volumes_are_kept() {
    let volume = json!({ "name": "key", "secret": { "secretName": "signing" } });
    let container = json!({ "name": "x", "image": "y", "args": ["long"], "env": [{ "name": "long" }] });
    let template = json!({ "spec": { "containers": [container], "volumes": [volume] } });
    let spec = json!({ "spec": { "serviceName": "x", "selector": {}, "template": template } });
    for owner in [None, Some("Deployment")] {
        let mut object: StatefulSet = with_metadata(owner, spec.clone());
        stateful_set(&mut object);
        let text = text(&object);
        assert!(text.contains("signing") && !text.contains("long"), "{text}");
        let mut object: Service = with_metadata(owner, json!({ "spec": { "clusterIP": "None" } }));
        service(&mut object);
        assert_eq!((object.spec, object.metadata.name.as_deref()), (None, Some("node-0")));
    }
    let mut object: StatefulSet = with_metadata(Some("SeiNode"), spec);
    stateful_set(&mut object);
    assert!(object.spec.is_some());
    assert_eq!(
        serde_json::to_value(&object.metadata.managed_fields).unwrap(),
        json!([{ "manager": "kubectl", "fieldsV1": { "f:spec": {} } }])
    );
    assert!(!text(&object).contains("private key"));
}

#[test]
fn numbers_of_pods_are_not_kept() {
    let status = json!({ "replicas": 1, "readyReplicas": 1, "observedGeneration": 2, "updateRevision": "a" });
    let mut object: StatefulSet = with_metadata(Some("SeiNode"), json!({ "status": status }));
    stateful_set(&mut object);
    let kept = json!({ "replicas": 0, "observedGeneration": 2, "updateRevision": "a" });
    assert_eq!(serde_json::to_value(&object.status).unwrap(), kept);
}

#[test]
fn everything_that_is_read_of_a_claim_is_kept() {
    let node: SeiNode = with_metadata(None, json!({ "spec": spec() }));
    let mut object: PersistentVolumeClaim =
        with_metadata(Some("SeiNode"), json!({ "status": { "phase": "Bound" } }));
    object.annotations_mut().insert(labels::INITIALIZED_ANNOTATION.into(), "pacific-1".into());
    let whole = Claim::of(&object, &node);
    claim(&mut object);
    assert!(whole.has_state && !text(&object).contains("private key"));
    assert_eq!(Claim::of(&object, &node), whole);
}

#[test]
fn everything_that_is_read_of_a_pod_is_kept() {
    let env = include_str!("../../../../tests/conformance/full-plain/platform.env");
    let settings = env.lines().filter_map(|line| line.split_once('='));
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let platform = Platform::from_settings(&settings).unwrap();
    let node: SeiNode = with_metadata(None, json!({ "spec": spec() }));
    let rendered = Rendered::of(Node::of(&node), &platform).unwrap();
    let template = rendered.stateful_set.spec.unwrap().template.spec;
    let mut object: Pod = with_metadata(None, json!({ "status": { "podIP": "10.0.0.1" } }));
    object
        .owner_references_mut()
        .push(OwnerReference { kind: "StatefulSet".into(), ..OwnerReference::default() });
    object.spec = template;
    let read = |pod: &Pod| {
        let spec = pod.spec.as_ref().unwrap();
        let resources = Exclusive::of_pod("pacific-1", "pacific-1", spec);
        let trust = Some(ServerTrust::Roots(Vec::new()));
        (
            Target::of(&node, pod, trust, platform.cluster_domain()),
            image_of(Some(spec)).map(str::to_owned),
            resources,
            fingerprint(pod),
        )
    };
    let (whole, size) = (read(&object), text(&object).len());
    pod(&mut object);
    assert_eq!(read(&object), whole);
    assert!(text(&object).len() < size / 2, "{} of {size} bytes", text(&object).len());
}

fn spec() -> Value {
    json!({
        "chainId": "pacific-1", "image": "seid:a", "fullNode": {},
        "sidecar": { "image": "sidecar:v0.0.50", "port": 7778, "tls": { "secretName": "tls" } },
    })
}

#[test]
fn of_a_node_only_the_fields_that_its_group_applied_are_kept() {
    let entry = |manager: &str, operation: &str, subresource: &str| {
        json!({
            "manager": manager, "operation": operation, "subresource": subresource,
            "fieldsV1": { "f:spec": { "f:image": {} } },
        })
    };
    let applied = entry(labels::DEPLOYMENT_FIELD_MANAGER, "Apply", "");
    let mut node: SeiNode = serde_json::from_value(json!({
        "metadata": {
            "name": "rpc-0",
            "managedFields": [
                entry("kubectl", "Apply", ""), applied, entry(labels::DEPLOYMENT_FIELD_MANAGER, "Apply", "status"),
                entry(labels::DEPLOYMENT_FIELD_MANAGER, "Update", ""),
            ],
        },
        "spec": { "chainId": "pacific-1", "image": "seid:a", "fullNode": {} },
    }))
    .unwrap();
    super::node(&mut node);
    assert_eq!(serde_json::to_value(&node.metadata.managed_fields).unwrap(), json!([applied]));
}

#[test]
fn of_the_service_of_a_group_the_time_of_the_last_apply_is_kept_without_its_fields() {
    let entry = |manager: &str| {
        json!({
            "manager": manager, "operation": "Apply", "time": "2026-11-27T04:00:00Z",
            "fieldsV1": { "f:spec": { "f:selector": {} } },
        })
    };
    let entries = [entry("kubectl"), entry(labels::DEPLOYMENT_FIELD_MANAGER)];
    let mut service: Service =
        serde_json::from_value(json!({ "metadata": { "name": "rpc-internal", "managedFields": entries } }))
            .unwrap();
    group_service(&mut service);
    let mut kept = entry(labels::DEPLOYMENT_FIELD_MANAGER);
    kept.as_object_mut().unwrap().remove("fieldsV1");
    assert_eq!(serde_json::to_value(&service.metadata.managed_fields).unwrap(), json!([kept]));
}

#[test]
fn an_object_affects_its_owner_and_the_node_in_its_label() {
    let mut object: Service = with_metadata(Some("SeiNode"), json!({}));
    object.labels_mut().insert("sei.io/node".into(), "node-1".into());
    assert_eq!(nodes_of(&object).collect::<Vec<_>>(), ["node-0", "node-1"]);
    let foreign: Service = with_metadata(Some("Deployment"), json!({}));
    assert_eq!(nodes_of(&foreign).collect::<Vec<_>>(), ["node-0"]);
}

#[test]
fn messages_of_the_kubelet_the_scheduler_and_the_job_controller_are_truncated() {
    let long = "x".repeat(1 << 20);
    let condition = json!({ "type": "PodScheduled", "status": "False", "message": long });
    let container = json!({
        "name": "seid", "image": "i", "imageID": "", "ready": false, "restartCount": 1,
        "state": { "waiting": { "reason": long, "message": long } },
        "lastState": { "terminated": { "exitCode": 1, "reason": long } },
    });
    let status = json!({
        "reason": long, "message": long, "conditions": [condition],
        "containerStatuses": [container], "initContainerStatuses": [container],
    });
    let mut trimmed: Pod = with_metadata(Some("StatefulSet"), json!({ "status": status }));
    pod(&mut trimmed);
    let length = text(&trimmed.status).len();
    assert!(length < 50_000, "{length} bytes of a pod");
    let failed = json!({ "type": "Failed", "status": "True", "message": long });
    let mut trimmed: Job = with_metadata(Some("SeiNode"), json!({ "status": { "conditions": [failed] } }));
    job(&mut trimmed);
    let length = text(&trimmed.status).len();
    assert!(length < 10_000, "{length} bytes of a Job");
}
