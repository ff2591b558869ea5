//! What we render against what the Go controller writes. Every deviation is one row of [`DEVIATIONS`]; a row that
//! no case needs fails the test as much as a difference that has no row.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::BTreeSet;

use common::{CASES, expected, node, platform};
use serde_json::{Value, json};

/// File, path (list elements by their name), reason.
const DEVIATIONS: [(&str, &str, &str); 18] = [
    (
        "configmap.json",
        "/data/config.yaml",
        "apiGroup instead of a key that the proxy ignores; values are quoted",
    ),
    (
        "statefulset.json",
        "/spec/template/spec/initContainers/seid-init/command/2",
        "chain id quoted; same meaning",
    ),
    ("statefulset.json", "/spec/template/spec/containers/seid/args/0", "on several lines; same meaning"),
    (
        "statefulset.json",
        "/spec/template/spec/containers/cosmos-exporter/startupProbe",
        "it killed the exporter in a loop",
    ),
    (
        "statefulset.json",
        "/spec/template/spec/initContainers/kube-rbac-proxy/args",
        "identity header forwarded, own token audience",
    ),
    (
        "statefulset.json",
        "/spec/template/spec/initContainers/kube-rbac-proxy/livenessProbe/httpGet",
        "the proxy is asked for its own pulse",
    ),
    (
        "statefulset.json",
        "/spec/template/spec/initContainers/kube-rbac-proxy/livenessProbe/tcpSocket",
        "the proxy is asked for its own pulse",
    ),
    (
        "statefulset.json",
        "/spec/template/spec/initContainers/sei-sidecar/livenessProbe",
        "under TLS a wedged sidecar is restarted too",
    ),
    (
        "statefulset.json",
        "/spec/template/spec/initContainers/sei-sidecar/env",
        "SEI_KEYRING_BACKEND selects the mounted keyring",
    ),
    (
        "statefulset.json",
        "/spec/template/spec/initContainers/sei-sidecar/volumeMounts",
        "the sidecar sees the node key that seid uses",
    ),
    (
        "bootstrap-job.json",
        "/spec/template/spec/initContainers/seid-init/command/2",
        "chain id quoted; same meaning",
    ),
    ("bootstrap-job.json", "/spec/template/spec/containers/seid/args/0", "on several lines; same meaning"),
    (
        "bootstrap-job.json",
        "/spec/template/spec/securityContext",
        "the bootstrap pod meets the restricted standard",
    ),
    ("bootstrap-job.json", "/spec/template/spec/automountServiceAccountToken", "as the node's pod says it"),
    (
        "bootstrap-job.json",
        "/spec/template/spec/initContainers/*/securityContext",
        "the bootstrap pod meets the restricted standard",
    ),
    (
        "bootstrap-job.json",
        "/spec/template/spec/containers/*/securityContext",
        "the bootstrap pod meets the restricted standard",
    ),
    ("bootstrap-job.json", "/spec/template/spec/volumes", "/tmp, since the sidecar's root is read-only"),
    (
        "bootstrap-job.json",
        "/spec/template/spec/initContainers/sei-sidecar/volumeMounts",
        "/tmp, since the sidecar's root is read-only",
    ),
];

#[test]
fn objects_are_those_of_the_go_controller_but_for_the_listed_fixes() {
    let mut used = BTreeSet::new();
    for case in CASES {
        for (file, ours) in rendered(case) {
            let mut differences = Vec::new();
            let theirs = expected(case, file);
            assert_eq!(
                ours.is_some(),
                theirs.is_some(),
                "{case}/{file}: written by one and not by the other"
            );
            compare("", &ours.unwrap_or_default(), &theirs.unwrap_or_default(), &mut differences);
            for path in differences {
                let row =
                    DEVIATIONS.iter().position(|(of, pattern, _)| *of == file && matches(pattern, &path));
                used.insert(row.unwrap_or_else(|| panic!("{case}/{file}: {path} differs")));
            }
        }
    }
    for (index, row) in DEVIATIONS.iter().enumerate() {
        assert!(used.contains(&index), "no case shows this deviation: {row:?}");
    }
}

fn rendered(case: &str) -> [(&'static str, Option<Value>); 6] {
    let (node, platform) = (node(case), platform(case));
    let value = |object: Result<Value, _>| object.unwrap();
    [
        (
            "statefulset.json",
            Some(value(serde_json::to_value(sei_render::stateful_set(&node, &platform).unwrap()))),
        ),
        ("service.json", Some(value(serde_json::to_value(sei_render::service(&node))))),
        ("configmap.json", sei_render::rbac_proxy_config(&node).map(|o| value(serde_json::to_value(o)))),
        ("pvc.json", sei_render::data_claim(&node, &platform).map(|o| value(serde_json::to_value(o)))),
        (
            "bootstrap-job.json",
            sei_render::bootstrap_job(&node, &platform).unwrap().map(|o| value(serde_json::to_value(o))),
        ),
        (
            "bootstrap-service.json",
            sei_render::bootstrap_service(&node).map(|o| value(serde_json::to_value(o))),
        ),
    ]
}

/// Every path at which the two differ; an absent value equals an empty one.
fn compare(path: &str, ours: &Value, theirs: &Value, found: &mut Vec<String>) {
    let empty = |value: &Value| *value == Value::Null || *value == json!([]) || *value == json!({});
    match (ours, theirs) {
        (Value::Object(left), Value::Object(right)) => {
            for key in left.keys().chain(right.keys()).collect::<BTreeSet<_>>() {
                let side = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or_default();
                // `emptyDir: {}` says something by being there.
                if key == "emptyDir" && left.contains_key(key) != right.contains_key(key) {
                    found.push(format!("{path}/{key}"));
                }
                compare(&format!("{path}/{key}"), &side(left), &side(right), found);
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                let containers = path.ends_with("ontainers");
                let name =
                    left["name"].as_str().filter(|_| containers).map_or(index.to_string(), str::to_owned);
                compare(&format!("{path}/{name}"), left, right, found);
            }
        }
        _ if ours == theirs || (empty(ours) && empty(theirs)) => {}
        _ => found.push(path.to_owned()),
    }
}

/// `*` stands for one step; what is below a pattern belongs to it.
fn matches(pattern: &str, path: &str) -> bool {
    let mut steps = path.split('/');
    pattern.split('/').all(|wanted| steps.next().is_some_and(|step| wanted == "*" || wanted == step))
}

#[test]
fn a_missing_or_surplus_field_is_a_difference() {
    let mut found = Vec::new();
    compare("", &json!({ "a": 1, "c": [1] }), &json!({ "b": 1, "c": [1, 2] }), &mut found);
    assert_eq!(found, ["/a", "/b", "/c"]);
}

#[test]
fn what_the_proxy_is_told_is_yaml_that_says_so() {
    for (namespace, name) in [("arctic-1", "node-0"), ("on", "null"), ("00123", "1e3")] {
        let mut node = node("full-tls");
        node.metadata.namespace = Some(namespace.into());
        node.metadata.name = Some(name.into());
        let config = sei_render::rbac_proxy_config(&node).unwrap();
        let read: Value = serde_saphyr::from_str(&config.data.unwrap()["config.yaml"]).unwrap();
        let wanted =
            json!({ "apiGroup": "sei.io", "resource": "seinodetasks", "namespace": namespace, "name": name });
        assert_eq!(read, json!({ "authorization": { "resourceAttributes": wanted } }));
    }
}
