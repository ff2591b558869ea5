//! Every rendered object is one of its kind, with no field that the kind does not have, and pods keep to the
//! restricted standard.

use k8s_openapi::{
    Resource,
    api::{
        apps::v1::Deployment,
        core::v1::{ConfigMap, Service, ServiceAccount},
        networking::v1::NetworkPolicy,
        policy::v1::PodDisruptionBudget,
        rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding},
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use sei_testkit::chart::{self, RELEASE, find};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// Everything switched on and everything filled in.
fn full() -> Value {
    json!({
        "fullnameOverride": "other",
        "image": { "digest": format!("sha256:{}", "0".repeat(64)) },
        "imagePullSecrets": ["registry"],
        "watchNamespaces": ["a", "b"],
        "secretAccess": "named",
        "namedSecrets": [{ "namespace": "a", "names": ["rpc-0-tls"] }],
        "nodes": { "serviceAccount": { "annotations": { "eks.amazonaws.com/role-arn": "arn" } } },
        "serviceAccount": { "annotations": { "a": "b" } },
        "podLabels": { "team": "core", "app.kubernetes.io/name": "not-this" },
        "podAnnotations": { "a": "b" },
        "priorityClassName": "system-cluster-critical",
        "nodeSelector": { "kubernetes.io/os": "linux" },
        "tolerations": [{ "key": "a", "operator": "Exists" }],
        "affinity": { "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{ "matchExpressions": [{ "key": "a", "operator": "Exists" }] }],
        } } },
        "extraEnv": [{ "name": "SSL_CERT_FILE", "value": "/ca" }],
        "networkPolicy": {
            "metricsFrom": [{ "namespaceSelector": { "matchLabels": { "metrics": "enabled" } } }],
            "egress": [{ "ports": [{ "port": 443 }] }],
        },
        "podDisruptionBudget": { "maxUnavailable": "50%" },
        "metrics": {
            "service": { "annotations": { "a": "b" } },
            "serviceMonitor": { "enabled": true, "labels": { "release": "prometheus" } },
            "prometheusRule": { "enabled": true },
            "dashboard": { "enabled": true },
        },
    })
}

/// Kinds of prometheus-operator have no type here.
fn is_known_apart(object: &Value) -> bool {
    object["apiVersion"] == "monitoring.coreos.com/v1"
}

fn reread(object: &Value) -> Value {
    fn through<K: Resource + Serialize + DeserializeOwned>(object: &Value) -> Value {
        assert_eq!(object["apiVersion"], K::API_VERSION);
        serde_json::to_value(serde_json::from_value::<K>(object.clone()).unwrap()).unwrap()
    }
    match object["kind"].as_str().unwrap() {
        "ClusterRole" => through::<ClusterRole>(object),
        "ClusterRoleBinding" => through::<ClusterRoleBinding>(object),
        "ConfigMap" => through::<ConfigMap>(object),
        // Compared with its source below: whole numbers come back as fractions.
        "CustomResourceDefinition" => {
            through::<CustomResourceDefinition>(object);
            object.clone()
        }
        "Deployment" => through::<Deployment>(object),
        "NetworkPolicy" => through::<NetworkPolicy>(object),
        "PodDisruptionBudget" => through::<PodDisruptionBudget>(object),
        "Role" => through::<Role>(object),
        "RoleBinding" => through::<RoleBinding>(object),
        "Service" => through::<Service>(object),
        "ServiceAccount" => through::<ServiceAccount>(object),
        kind => panic!("say here what a {kind} is"),
    }
}

#[test]
fn every_object_is_one_of_its_kind() {
    for values in [json!({}), full()] {
        let objects = chart::render(&values).unwrap();
        assert!(objects.len() >= 12, "{}", objects.len());
        for object in objects.iter().filter(|object| !is_known_apart(object)) {
            assert_eq!(&reread(object), object);
        }
    }
}

#[test]
fn the_crd_is_the_generated_one() {
    let objects = chart::render(&json!({})).unwrap();
    let crd = find(&objects, "CustomResourceDefinition", "seinodes.sei.io").unwrap();
    assert_eq!(crd["spec"], sei_api::crd_manifest().unwrap()["spec"]);
}

#[test]
fn objects_are_labelled_and_selected_alike() {
    for (values, name) in [(json!({}), RELEASE), (full(), "other")] {
        let objects = chart::render(&values).unwrap();
        for object in &objects {
            assert_eq!(object["metadata"]["labels"]["app.kubernetes.io/name"], "sei-operator", "{object}");
        }
        let deployment = find(&objects, "Deployment", name).unwrap();
        let selector = &deployment["spec"]["selector"]["matchLabels"];
        let labels = &deployment["spec"]["template"]["metadata"]["labels"];
        for (key, value) in selector.as_object().unwrap() {
            assert_eq!(&labels[key], value);
        }
        for (kind, name) in [("PodDisruptionBudget", name), ("NetworkPolicy", name)] {
            let spec = &find(&objects, kind, name).unwrap()["spec"];
            let found = spec.get("selector").or(spec.get("podSelector")).unwrap();
            assert_eq!(&found["matchLabels"], selector, "{kind}");
        }
        let service = find(&objects, "Service", &format!("{name}-metrics")).unwrap();
        assert_eq!(&service["spec"]["selector"], selector);
        let spread = &deployment["spec"]["template"]["spec"]["topologySpreadConstraints"][0];
        assert_eq!(&spread["labelSelector"]["matchLabels"], selector);
    }
}

#[test]
fn the_image_is_tagged_with_the_version_unless_said_otherwise() {
    let image = |values: Value| {
        let objects = chart::render(&values).unwrap();
        let deployment = find(&objects, "Deployment", RELEASE).unwrap();
        let image = &deployment["spec"]["template"]["spec"]["containers"][0]["image"];
        image.as_str().unwrap().rsplit('/').next().unwrap().to_owned()
    };
    assert_eq!(image(json!({})), format!("sei-operator:{}", env!("CARGO_PKG_VERSION")));
    assert_eq!(image(json!({ "image": { "tag": "v9" } })), "sei-operator:v9");
    let digest = format!("sha256:{}", "0".repeat(64));
    assert_eq!(image(json!({ "image": { "digest": digest } })), format!("sei-operator@{digest}"));
}
