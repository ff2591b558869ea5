//! Every rendered object has only fields of its kind, and the labels that select it.

use k8s_openapi::{
    Resource,
    api::{
        admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding},
        apps::v1::Deployment,
        core::v1::{ConfigMap, Service, ServiceAccount},
        flowcontrol::v1::FlowSchema,
        networking::v1::NetworkPolicy,
        policy::v1::PodDisruptionBudget,
        rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding},
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use sei_testkit::chart::{self, RELEASE, find};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// All options enabled and all values set, with names that YAML parses as other types without quotes.
fn full() -> Value {
    json!({
        "fullnameOverride": "null",
        "commonLabels": { "cost": "1e3", "app.kubernetes.io/name": "not-this" },
        "image": { "digest": format!("sha256:{}", "0".repeat(64)) },
        "imagePullSecrets": ["123", { "name": "registry" }],
        "watchNamespaces": ["123", "1e3", "on"],
        "secretAccess": "named",
        "namedSecrets": [{ "namespace": "123", "names": ["1.5"] }],
        "platform": { "serviceAccount": "1e3", "default": { "nodePool": "on", "storageClass": "123" } },
        "nodes": {
            "serviceAccount": {
                "labels": { "team": "true" },
                "annotations": { "eks.amazonaws.com/role-arn": "123", "helm.sh/resource-policy": "not-this" },
                "imagePullSecrets": ["123", { "name": "registry" }],
            },
            "networkPolicy": {
                "enabled": true,
                "clients": [{ "ipBlock": { "cidr": "10.0.0.0/8" } }],
                "submitters": [{ "namespaceSelector": { "matchLabels": { "team": "on" } } }],
                "metricsFrom": [{ "namespaceSelector": {} }],
                "sidecarPorts": [7777, 7000],
            },
        },
        "serviceAccount": { "name": "123", "labels": { "a": "true" }, "annotations": { "a": "on" } },
        "strategy": { "type": "Recreate" },
        "deploymentAnnotations": { "a": "on" },
        "podLabels": { "team": "on", "app.kubernetes.io/name": "not-this" },
        "podAnnotations": { "a": "123", "kubectl.kubernetes.io/default-container": "not-this" },
        "priorityClassName": "123",
        "podDnsPolicy": "None",
        "podDnsConfig": { "nameservers": ["10.0.0.1"] },
        "hostAliases": [{ "ip": "10.0.0.1", "hostnames": ["s3.internal"] }],
        "nodeSelector": { "kubernetes.io/os": "linux" },
        "tolerations": [{ "key": "a", "operator": "Exists" }],
        "affinity": { "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{ "matchExpressions": [{ "key": "a", "operator": "Exists" }] }],
        } } },
        "extraEnv": [{ "name": "SSL_CERT_FILE", "value": "/ca/ca.crt" }],
        "volumes": [{ "name": "ca", "configMap": { "name": "ca" } }],
        "volumeMounts": [{ "name": "ca", "mountPath": "/ca", "readOnly": true }],
        "extraObjects": [
            {
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": { "name": "ca", "labels": { "app.kubernetes.io/name": "sei-operator" } },
            },
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cb\n  labels: {{ include \"sei-operator.labels\" . | nindent 4 }}",
        ],
        "networkPolicy": {
            "metricsFrom": [{ "namespaceSelector": { "matchLabels": { "metrics": "enabled" } } }],
            "egress": [{ "ports": [{ "port": 443 }] }],
        },
        "podDisruptionBudget": { "maxUnavailable": "50%" },
        "priorityAndFairness": { "enabled": true },
        "metrics": {
            "service": { "annotations": { "a": "b" } },
            "serviceMonitor": {
                "enabled": true,
                "labels": { "release": "prometheus" },
                "endpoint": { "scrapeTimeout": "10s", "honorLabels": false },
            },
            "prometheusRule": { "enabled": true },
            "dashboard": { "enabled": true },
        },
    })
}

/// Kinds of prometheus-operator, for which there is no type here.
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
        "FlowSchema" => through::<FlowSchema>(object),
        "NetworkPolicy" => through::<NetworkPolicy>(object),
        "PodDisruptionBudget" => through::<PodDisruptionBudget>(object),
        "Role" => through::<Role>(object),
        "RoleBinding" => through::<RoleBinding>(object),
        "Service" => through::<Service>(object),
        "ServiceAccount" => through::<ServiceAccount>(object),
        "ValidatingAdmissionPolicy" => through::<ValidatingAdmissionPolicy>(object),
        "ValidatingAdmissionPolicyBinding" => through::<ValidatingAdmissionPolicyBinding>(object),
        kind => panic!("add {kind} to this match"),
    }
}

#[test]
fn every_object_has_only_fields_of_its_kind_for_any_values() {
    for values in [json!({}), full()] {
        let objects = chart::render(&values).unwrap();
        assert!(objects.len() >= 10, "{}", objects.len());
        for object in objects.iter().filter(|object| !is_known_apart(object)) {
            assert_eq!(&reread(object), object);
        }
    }
}

#[test]
fn the_crds_are_the_generated_ones() {
    let objects = chart::render(&json!({})).unwrap();
    for (name, manifest) in [
        ("seinodes.sei.io", sei_api::crd_manifest()),
        ("seinodedeployments.sei.io", sei_api::deployment_crd_manifest()),
        ("seinodetasks.sei.io", sei_api::task_crd_manifest()),
    ] {
        let crd = find(&objects, "CustomResourceDefinition", name).unwrap();
        assert_eq!(crd["spec"], manifest.unwrap()["spec"]);
    }
}

#[test]
fn objects_are_labelled_and_selected_alike() {
    for (values, name) in [(json!({}), RELEASE), (full(), "null")] {
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
fn the_image_tag_defaults_to_the_version() {
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

#[test]
fn labels_and_annotations_of_the_chart_take_precedence_over_values() {
    let objects = chart::render(&full()).unwrap();
    let template = &find(&objects, "Deployment", "null").unwrap()["spec"]["template"];
    assert_eq!(template["metadata"]["annotations"]["kubectl.kubernetes.io/default-container"], "operator");
    assert_eq!(template["metadata"]["labels"]["cost"], "1e3");
    let account = find(&objects, "ServiceAccount", "1e3").unwrap();
    assert_eq!(account["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
    assert_eq!(account["imagePullSecrets"], json!([{ "name": "123" }, { "name": "registry" }]));
}

#[test]
fn an_existing_service_account_can_be_used() {
    let values = json!({ "serviceAccount": { "create": false, "name": "existing" } });
    let objects = chart::render(&values).unwrap();
    assert!(objects.iter().all(|object| object["kind"] != "ServiceAccount"));
    let deployment = find(&objects, "Deployment", RELEASE).unwrap();
    assert_eq!(deployment["spec"]["template"]["spec"]["serviceAccountName"], "existing");
    let binding = find(&objects, "ClusterRoleBinding", RELEASE).unwrap();
    assert_eq!(binding["subjects"][0]["name"], "existing");
    let refused = chart::render(&json!({ "serviceAccount": { "create": false } })).unwrap_err().to_string();
    assert!(refused.contains("serviceAccount.name"), "{refused}");
}
