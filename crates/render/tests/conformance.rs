//! Compares the rendered objects with those that the Go controller writes. Every deviation is one row of
//! `docs/objects.md`; a row that no case needs fails the test, and so does a difference without a row.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::BTreeSet;

use common::{CASES, expected, node, platform, rendered};
use serde_json::{Value, json};

/// Rows `object, path, why` of section Objects of `docs/objects.md`.
fn deviations() -> Vec<[String; 3]> {
    let page = include_str!("../../../docs/objects.md");
    let section = page.split("\n## ").find(|section| section.starts_with("Objects\n")).unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| object |"));
    rows.map(|row| {
        let cells: Vec<_> =
            row.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect();
        cells.try_into().unwrap_or_else(|_| panic!("not three cells: {row}"))
    })
    .collect()
}

/// The name of a file's object on the page.
fn object(file: &str) -> &'static str {
    match file {
        "configmap.json" => "ConfigMap",
        "statefulset.json" => "StatefulSet",
        "service.json" => "Service",
        "pvc.json" => "PersistentVolumeClaim",
        "bootstrap-job.json" => "bootstrap Job",
        "bootstrap-service.json" => "bootstrap Service",
        other => panic!("what is in {other}?"),
    }
}

#[test]
fn objects_match_the_go_controller_except_for_documented_deviations() {
    let deviations = deviations();
    let mut used = BTreeSet::new();
    for case in CASES {
        for (file, ours) in files(case) {
            let mut differences = Vec::new();
            let theirs = expected(case, file);
            assert_eq!(ours.is_some(), theirs.is_some(), "{case}/{file}: written by only one of the two");
            compare("", &ours.unwrap_or_default(), &theirs.unwrap_or_default(), &mut differences);
            for path in differences {
                let row = deviations
                    .iter()
                    .position(|[of, pattern, _]| *of == object(file) && matches(pattern, &path));
                used.insert(row.unwrap_or_else(|| panic!("{case}/{file}: {path} differs")));
            }
        }
    }
    for (index, row) in deviations.iter().enumerate() {
        assert!(used.contains(&index), "no case has this deviation: {row:?}");
    }
}

fn files(case: &str) -> [(&'static str, Option<Value>); 6] {
    let rendered = rendered(&node(case), &platform(case));
    let value = |object: Result<Value, _>| object.unwrap();
    [
        ("statefulset.json", Some(value(serde_json::to_value(rendered.stateful_set)))),
        ("service.json", Some(value(serde_json::to_value(rendered.service)))),
        ("configmap.json", rendered.rbac_proxy_config.map(|o| value(serde_json::to_value(o)))),
        ("pvc.json", rendered.data_claim.map(|o| value(serde_json::to_value(o)))),
        ("bootstrap-job.json", rendered.bootstrap_job.map(|o| value(serde_json::to_value(o)))),
        ("bootstrap-service.json", rendered.bootstrap_service.map(|o| value(serde_json::to_value(o)))),
    ]
}

/// Every path at which the two differ; an absent value equals an empty one.
fn compare(path: &str, ours: &Value, theirs: &Value, found: &mut Vec<String>) {
    let empty = |value: &Value| *value == Value::Null || *value == json!([]) || *value == json!({});
    match (ours, theirs) {
        (Value::Object(left), Value::Object(right)) => {
            for key in left.keys().chain(right.keys()).collect::<BTreeSet<_>>() {
                let side = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or_default();
                // `emptyDir: {}` is meaningful although it is empty.
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

/// `*` matches one step; everything below a pattern also matches.
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
fn the_config_of_the_proxy_is_yaml_with_every_value_quoted() {
    for (namespace, name) in [("arctic-1", "node-0"), ("on", "null"), ("00123", "1e3")] {
        let mut node = node("full-tls");
        node.metadata.namespace = Some(namespace.into());
        node.metadata.name = Some(name.into());
        let config = rendered(&node, &platform("full-tls")).rbac_proxy_config.unwrap();
        let read: Value = serde_saphyr::from_str(&config.data.unwrap()["config.yaml"]).unwrap();
        let wanted =
            json!({ "apiGroup": "sei.io", "resource": "seinodetasks", "namespace": namespace, "name": name });
        assert_eq!(read, json!({ "authorization": { "resourceAttributes": wanted } }));
    }
}
