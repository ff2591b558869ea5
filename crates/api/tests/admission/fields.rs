//! Every field of a spec that the Go controller does not have is tried: an admitted case of the tables sets it. That each is
//! documented is tested by `go_schema.rs`, and that each rule rejects a case in `main.rs`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cases::{self, Case};

/// Fields of a spec, as `a.b[].c{}`, that `ours` has and `go` has not.
fn added(path: &str, go: &Value, ours: &Value, found: &mut BTreeSet<String>) {
    for (name, field) in ours["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let known = &go["properties"][name];
        if known.is_null() {
            found.insert(path.clone());
        }
        added(&path, known, field, found);
    }
    for (key, mark) in [("items", "[]"), ("additionalProperties", "{}")] {
        if ours[key].is_object() {
            added(&format!("{path}{mark}"), &go[key], &ours[key], found);
        }
    }
}

/// Whether `object` has a value at `path`.
fn sets(object: &Value, path: &str) -> bool {
    let (part, rest) = path.split_once('.').unwrap_or((path, ""));
    let name = part.trim_end_matches(['[', ']', '{', '}']);
    let Some(value) = object.get(name).filter(|value| !value.is_null()) else { return false };
    let inner: Vec<&Value> = match &part[name.len()..] {
        "[]" => value.as_array().into_iter().flatten().collect(),
        "{}" => value.as_object().into_iter().flat_map(|map| map.values()).collect(),
        _ => vec![value],
    };
    if rest.is_empty() { true } else { inner.into_iter().any(|value| sets(value, rest)) }
}

fn spec(schema: &Value) -> Value {
    schema["properties"]["spec"].clone()
}

/// Fields of later versions of the Go controller that are only read where they are stored.
const REFUSED: [&str; 1] = ["seed"];

/// The added fields that no admitted case sets.
fn untried(go: &Value, ours: &Value, cases: &[Case], least: usize) -> Vec<String> {
    let mut fields = BTreeSet::new();
    added("", go, ours, &mut fields);
    assert!(fields.len() >= least, "only {fields:?} found");
    let is_tried = |field: &String| {
        let is_admitted = !REFUSED.contains(&field.as_str());
        let mut tries = cases.iter().filter(|case| sets(&case.object["spec"], field));
        tries.any(|case| case.expect.is_admitted() == is_admitted)
    };
    fields.into_iter().filter(|field| !is_tried(field)).collect()
}

#[test]
fn every_field_that_the_go_controller_lacks_has_a_case_that_sets_it() {
    let go: Value =
        serde_json::from_str(include_str!("../../../../tests/conformance/crd-schema.json")).unwrap();
    let go = spec(&go["version"]["schema"]["openAPIV3Schema"]);
    assert_eq!(untried(&go, &spec(&crate::schema()), &cases::nodes(), 12), [""; 0], "SeiNode");

    let go: Value =
        serde_saphyr::from_str(include_str!("../../../../tests/conformance/deployment/crd.yaml")).unwrap();
    let mut go = spec(&go["spec"]["versions"][0]["schema"]["openAPIV3Schema"]);
    let mut ours = spec(&crate::deployment_schema());
    // The spec of the template is compared with that of a SeiNode elsewhere.
    for schema in [&mut go, &mut ours] {
        schema["properties"]["template"]["properties"]["spec"] = Value::Null;
    }
    assert_eq!(untried(&go, &ours, &cases::deployments(), 3), [""; 0], "SeiNodeDeployment");

    assert_eq!(
        untried(&Value::Null, &spec(&crate::task_schema()), &cases::tasks(), 20),
        [""; 0],
        "SeiNodeTask"
    );
}
