//! Errors of helm for invalid values, and the effect of switches.

use sei_testkit::chart::{self, RELEASE, find};
use serde_json::{Value, json};

#[test]
fn helm_lint_reports_nothing() {
    let folder = chart::folder();
    let said = chart::helm(&["lint".as_ref(), "--strict".as_ref(), folder.as_os_str()], "").unwrap();
    assert!(said.contains("0 chart(s) failed"), "{said}");
}

#[test]
fn invalid_values_are_rejected_by_name() {
    let refused = [
        (json!({ "platform": { "images": { "sidecar": "" } } }), "/platform/images/sidecar"),
        (json!({ "platform": { "images": { "exporter": null } } }), "missing property 'exporter'"),
        (json!({ "platform": { "images": { "proxy": "a b" } } }), "/platform/images/proxy"),
        (json!({ "platform": { "serviceAccount": "Not A Name" } }), "/platform/serviceAccount"),
        (json!({ "platform": { "tolerationKey": "" } }), "/platform/tolerationKey"),
        (json!({ "platform": { "clusterDomain": "cluster.local." } }), "/platform/clusterDomain"),
        (json!({ "platform": { "default": { "nodePool": "" } } }), "/platform/default/nodePool"),
        (json!({ "platform": { "default": { "storageSize": "2000 Gi" } } }), "/platform/default/storageSize"),
        (json!({ "platform": { "archive": { "memory": "448GB" } } }), "/platform/archive/memory"),
        (json!({ "platform": { "archive": { "storageClass": 3 } } }), "/platform/archive/storageClass"),
        (json!({ "platform": { "snapshots": { "bucket": "" } } }), "/platform/snapshots/bucket"),
        (json!({ "platform": { "genesis": { "region": "" } } }), "/platform/genesis/region"),
        (json!({ "platform": { "sidecarImage": "a:1" } }), "'sidecarImage' not allowed"),
        (json!({ "image": { "digest": "sha256:abc" } }), "/image/digest"),
        (json!({ "image": { "pullPolicy": "Sometimes" } }), "/image/pullPolicy"),
        (json!({ "replicas": "2" }), "/replicas"),
        (json!({ "workers": 0 }), "/workers"),
        (json!({ "secretAccess": "all" }), "/secretAccess"),
        (json!({ "watchNamespaces": ["Pacific"] }), "/watchNamespaces/0"),
        (json!({ "namedSecrets": [{ "namespace": "a", "names": [] }] }), "/namedSecrets/0/names"),
        (json!({ "replica": 3 }), "'replica' not allowed"),
        // A Service's name starts with a letter.
        (json!({ "fullnameOverride": "123" }), "/fullnameOverride"),
        (json!({ "imagePullSecrets": [{ "secret": "a" }] }), "/imagePullSecrets/0"),
        (json!({ "nodes": { "namespaces": [123] } }), "/nodes/namespaces/0"),
        (json!({ "extraArgs": ["workers=3"] }), "/extraArgs/0"),
        (
            json!({ "extraEnv": [{ "name": "A", "value": "1" }, { "name": "A", "value": "2" }] }),
            "extraEnv: A is listed twice",
        ),
        (json!({ "nodes": { "networkPolicy": { "enabled": true } } }), "nodes.networkPolicy.enabled"),
        (
            json!({ "namedSecrets": [{ "namespace": "a", "names": ["s"] }] }),
            "namedSecrets: they are read only with secretAccess=named",
        ),
        (
            json!({
                "secretAccess": "named",
                "watchNamespaces": ["a"],
                "namedSecrets": [{ "namespace": "b", "names": ["s"] }],
            }),
            "namedSecrets: namespace b is not in watchNamespaces",
        ),
        (
            json!({
                "secretAccess": "named",
                "namedSecrets": [{ "namespace": "a", "names": ["s"] }, { "namespace": "a", "names": ["t"] }],
            }),
            "namedSecrets: namespace a is listed twice",
        ),
        (
            json!({ "metrics": { "service": { "enabled": false }, "serviceMonitor": { "enabled": true } } }),
            "metrics.serviceMonitor.enabled",
        ),
    ];
    for (values, named) in refused {
        let said = chart::render(&values).expect_err(&values.to_string()).to_string();
        assert!(said.contains(named), "{values}: {said}");
    }
}

#[test]
fn examples_in_the_documentation_are_valid() {
    let page = include_str!("../../../../docs/install.md");
    let blocks = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let values: Vec<_> = blocks.filter(|block| !block.contains("kustomization")).collect();
    assert_eq!(values.len(), 3);
    for block in values {
        chart::render(&serde_saphyr::from_str(block).unwrap()).unwrap();
    }
}

/// Finds names that only the schema or only `value` has, and objects that would accept any name.
fn differences(schema: &Value, definitions: &Value, value: &Value, path: &str, unknown: &mut Vec<String>) {
    let schema = match schema["$ref"].as_str() {
        Some(name) => &definitions[name.rsplit('/').next().unwrap()],
        None => schema,
    };
    let (Some(fields), Some(known)) = (value.as_object(), schema["properties"].as_object()) else { return };
    if schema["additionalProperties"] != json!(false) {
        unknown.push(format!("{path}: takes any name"));
    }
    for name in fields.keys().chain(known.keys()) {
        let path = format!("{path}/{name}");
        match (fields.get(name), known.get(name)) {
            (Some(value), Some(schema)) => differences(schema, definitions, value, &path, unknown),
            // Optional within a free-form value.
            (None, Some(_)) if path == "/global" || path.starts_with("/resources/") => {}
            _ => unknown.push(path),
        }
    }
}

#[test]
fn schema_and_defaults_name_the_same_values() {
    let read = |file: &str| std::fs::read_to_string(chart::folder().join(file)).unwrap();
    let values: Value = serde_saphyr::from_str(&read("values.yaml")).unwrap();
    let schema: Value = serde_json::from_str(&read("values.schema.json")).unwrap();
    let mut unknown = Vec::new();
    differences(&schema, &schema["$defs"], &values, "", &mut unknown);
    assert_eq!(unknown, [""; 0]);
}

#[test]
fn uninstalling_keeps_what_nodes_need() {
    let objects = chart::render(&json!({ "watchNamespaces": ["a"] })).unwrap();
    let kept: Vec<_> = objects
        .iter()
        .filter(|object| object["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep")
        .map(|object| format!("{} {}", object["kind"], object["metadata"]["name"]).replace('"', ""))
        .collect();
    let wanted = [
        "ServiceAccount seid-node",
        "CustomResourceDefinition seinodes.sei.io",
        "CustomResourceDefinition seinodedeployments.sei.io",
        "CustomResourceDefinition seinodetasks.sei.io",
        "ClusterRole sei-rbac-proxy",
        "ClusterRole sei-validator-task-submitter",
        "ClusterRoleBinding sei-operator-nodes",
    ];
    assert_eq!(kept, wanted);
}

#[test]
fn switches_remove_the_objects_that_they_name() {
    let switches = [
        (json!({ "crds": { "install": false } }), "CustomResourceDefinition", "seinodes.sei.io"),
        (json!({ "crds": { "install": false } }), "CustomResourceDefinition", "seinodedeployments.sei.io"),
        (json!({ "clusterRoles": { "install": false } }), "ClusterRole", "sei-rbac-proxy"),
        (json!({ "crds": { "install": false } }), "CustomResourceDefinition", "seinodetasks.sei.io"),
        (json!({ "clusterRoles": { "install": false } }), "ClusterRole", "sei-operator-edit"),
        (json!({ "clusterRoles": { "install": false } }), "ClusterRole", "sei-operator-operate"),
        (json!({ "serviceAccount": { "create": false, "name": "a" } }), "ServiceAccount", RELEASE),
        (json!({ "networkPolicy": { "enabled": false } }), "NetworkPolicy", RELEASE),
        (json!({ "podDisruptionBudget": { "enabled": false } }), "PodDisruptionBudget", RELEASE),
        // A disruption budget for one replica would block every drain.
        (json!({ "replicas": 1 }), "PodDisruptionBudget", RELEASE),
        (json!({ "metrics": { "service": { "enabled": false } } }), "Service", "sei-operator-metrics"),
    ];
    for (values, kind, name) in switches {
        assert!(find(&chart::render(&json!({})).unwrap(), kind, name).is_some(), "{kind} {name}");
        assert!(find(&chart::render(&values).unwrap(), kind, name).is_none(), "{values}");
    }
}

#[test]
fn two_releases_share_only_what_the_second_disables() {
    let second = json!({
        "fullnameOverride": "second",
        "crds": { "install": false },
        "clusterRoles": { "install": false },
        "watchNamespaces": ["b"],
    });
    let name = |object: &Value| {
        let metadata = &object["metadata"];
        format!("{} {}/{}", object["kind"], metadata["namespace"], metadata["name"])
    };
    let first: Vec<_> =
        chart::render(&json!({ "watchNamespaces": ["a"] })).unwrap().iter().map(name).collect();
    let second: Vec<_> = chart::render(&second).unwrap().iter().map(name).collect();
    let both: Vec<_> = second.iter().filter(|object| first.contains(object)).collect();
    assert_eq!(both, [""; 0]);
}
