//! Everything that an API server can store can be decoded: one object that cannot would fail the list of its
//! kind. Objects are generated from the schema of our CRD and from that of the Go controller.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::LazyLock;

use kube::core::cel::apply_defaults;
use proptest::{prelude::*, sample::select};
use sei_api::{SeiNode, SeiNodeDeployment, SeiNodeTask};
use serde_json::{Map, Value, json};

/// The values of the fields.
#[derive(Clone, Copy, PartialEq)]
enum Values {
    /// Values that our CRD admits, within the bounds.
    Admitted,
    /// Values that the JSON type admits: numbers of any size, strings and times of a later version.
    Storable,
}

/// The schema of our CRD, derived once: deriving it takes longer than a case.
static OURS: LazyLock<Value> = LazyLock::new(|| {
    sei_api::crd_manifest().unwrap()["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
});

static OUR_DEPLOYMENTS: LazyLock<Value> = LazyLock::new(|| {
    sei_api::deployment_crd_manifest().unwrap()["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
});

static OUR_TASKS: LazyLock<Value> = LazyLock::new(|| {
    sei_api::task_crd_manifest().unwrap()["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
});

fn go_deployment_schema() -> Value {
    let crd: Value =
        serde_saphyr::from_str(include_str!("../../../tests/conformance/deployment/crd.yaml")).unwrap();
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

fn go_schema() -> Value {
    let crd: Value =
        serde_json::from_str(include_str!("../../../tests/conformance/crd-schema.json")).unwrap();
    crd["version"]["schema"]["openAPIV3Schema"].clone()
}

/// Objects that match the schema of `kind`, as the text that a server sends.
fn objects(kind: &'static str, schema: &Value, values: Values) -> BoxedStrategy<Value> {
    let mut schema = schema.clone();
    let fields = schema["properties"].as_object_mut().unwrap();
    fields.retain(|field, _| ["spec", "status"].contains(&field.as_str()));
    if values == Values::Admitted {
        schema["required"] = json!(["spec"]);
    }
    let of_schema = value(&schema, values);
    of_schema
        .prop_map(move |mut object| {
            object["apiVersion"] = "sei.io/v1alpha1".into();
            object["kind"] = kind.into();
            object["metadata"] = json!({ "name": "node-0" });
            object
        })
        .boxed()
}

fn value(schema: &Value, values: Values) -> BoxedStrategy<Value> {
    if schema["x-kubernetes-int-or-string"] == true {
        return select(vec![json!("1"), json!("500m"), json!(7), json!(i64::MAX)]).boxed();
    }
    match schema["type"].as_str() {
        Some("object") => object(schema, values),
        Some("array") => {
            prop::collection::vec(value(&schema["items"], values), 1..3).prop_map(Value::from).boxed()
        }
        Some("integer") => integer(schema, values),
        Some("string") => text(schema, values),
        Some("boolean") => prop::bool::ANY.prop_map(Value::from).boxed(),
        None => select(vec![json!({ "a": [1, null] }), json!("text"), json!([])]).boxed(),
        Some(other) => panic!("no values of type {other}"),
    }
}

fn object(schema: &Value, values: Values) -> BoxedStrategy<Value> {
    if let Some(of_map) = schema.get("additionalProperties") {
        let map = prop::collection::btree_map("[a-z]{1,3}", value(of_map, values), 1..3);
        return map.prop_map(|map| Value::Object(map.into_iter().collect())).boxed();
    }
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let mut fields = Just(Map::new()).boxed();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let field = match required.contains(&json!(name)) {
            true => value(field, values).prop_map(Some).boxed(),
            false => prop::option::of(value(field, values)).boxed(),
        };
        let name = name.clone();
        fields = (fields, field)
            .prop_map(move |(mut fields, field)| {
                fields.extend(field.map(|field| (name.clone(), field)));
                fields
            })
            .boxed();
    }
    fields.prop_map(Value::Object).boxed()
}

fn integer(schema: &Value, values: Values) -> BoxedStrategy<Value> {
    match values {
        Values::Admitted => select(vec![schema["minimum"].clone(), schema["maximum"].clone()]).boxed(),
        Values::Storable => {
            let numbers =
                ["0", "-1", "3000000000", "99999999999", "-9223372036854775808", "18446744073709551615"];
            let numbers = numbers.into_iter().chain(["1e6", "1e30", "-1e30"]);
            select(numbers.map(|number| serde_json::from_str(number).unwrap()).collect::<Vec<Value>>())
                .boxed()
        }
    }
}

fn text(schema: &Value, values: Values) -> BoxedStrategy<Value> {
    let mut texts = match (schema["enum"].as_array(), schema["format"].as_str()) {
        (Some(words), _) => words.clone(),
        (None, Some("date-time")) => vec![json!("2026-11-27T04:00:00Z")],
        (None, _) => return "[ -~]{1,12}".prop_map(Value::from).boxed(),
    };
    if values == Values::Storable {
        texts.extend([
            json!("OfALaterVersion"),
            json!("2026-12-31T23:59:60Z"),
            json!("99999-01-01T00:00:00Z"),
        ]);
    }
    select(texts).boxed()
}

fn as_strings(quantities: Option<&mut Value>) {
    for quantity in quantities.and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut) {
        if quantity.is_number() {
            *quantity = quantity.to_string().into();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn every_node_that_can_be_stored_can_be_decoded(
        ours in objects("SeiNode", &OURS, Values::Storable),
        go in objects("SeiNode", &go_schema(), Values::Storable),
    ) {
        for object in [ours, go] {
            let node = serde_json::from_str::<SeiNode>(&object.to_string());
            prop_assert!(node.is_ok(), "{object}: {}", node.unwrap_err());
        }
    }

    #[test]
    fn every_group_that_can_be_stored_can_be_decoded(
        ours in objects("SeiNodeDeployment", &OUR_DEPLOYMENTS, Values::Storable),
        go in objects("SeiNodeDeployment", &go_deployment_schema(), Values::Storable),
    ) {
        for object in [ours, go] {
            let group = serde_json::from_str::<SeiNodeDeployment>(&object.to_string());
            prop_assert!(group.is_ok(), "{object}: {}", group.unwrap_err());
        }
    }

    #[test]
    fn every_task_within_the_bounds_of_the_crd_is_decoded_without_loss(
        object in objects("SeiNodeTask", &OUR_TASKS, Values::Admitted),
    ) {
        let object = apply_defaults(&OUR_TASKS, &object);
        let task: SeiNodeTask = serde_json::from_value(object.clone()).unwrap();
        prop_assert_eq!(serde_json::to_value(&task).unwrap(), object);
    }

    #[test]
    fn every_group_within_the_bounds_of_the_crd_is_decoded_without_loss(
        object in objects("SeiNodeDeployment", &OUR_DEPLOYMENTS, Values::Admitted),
    ) {
        let mut object = apply_defaults(&OUR_DEPLOYMENTS, &object);
        let group: SeiNodeDeployment = serde_json::from_value(object.clone()).unwrap();
        for kind in ["limits", "requests"] {
            as_strings(object.pointer_mut(&format!("/spec/template/spec/sidecar/resources/{kind}")));
        }
        prop_assert_eq!(serde_json::to_value(&group).unwrap(), object);
    }

    #[test]
    fn every_node_within_the_bounds_of_the_crd_is_decoded_without_loss(
        object in objects("SeiNode", &OURS, Values::Admitted),
    ) {
        let mut object = apply_defaults(&OURS, &object);
        let node: SeiNode = serde_json::from_value(object.clone()).unwrap();
        for kind in ["limits", "requests"] {
            as_strings(object.pointer_mut(&format!("/spec/sidecar/resources/{kind}")));
        }
        prop_assert_eq!(serde_json::to_value(&node).unwrap(), object);
    }
}

#[test]
fn an_object_without_spec_is_decoded_with_an_empty_one() {
    let node: SeiNode = serde_json::from_str(r#"{ "metadata": { "name": "node-0" } }"#).unwrap();
    assert_eq!(node.spec, sei_api::SeiNodeSpec::default());
    let group: SeiNodeDeployment = serde_json::from_str(r#"{ "metadata": { "name": "rpc" } }"#).unwrap();
    assert_eq!(group.spec, sei_api::SeiNodeDeploymentSpec::default());
}

#[test]
fn values_of_a_later_version_are_detected() {
    let unknown = |status: Value| {
        let node = json!({ "metadata": { "name": "node-0" }, "status": status });
        serde_json::from_value::<SeiNode>(node).unwrap().status.unwrap().unknown_field()
    };
    let task = |status: &str| json!([{ "type": "mark-ready", "id": "1", "status": status }]);
    assert_eq!(unknown(json!({ "phase": "Running" })), None);
    assert_eq!(unknown(json!({ "phase": "Hibernated" })), Some("status.phase"));
    assert_eq!(unknown(json!({ "phase": "Paused" })), None, "of a later Go controller");
    assert_eq!(unknown(json!({ "plan": { "phase": "Held", "tasks": [] } })), Some("status.plan.phase"));
    let plan = json!({ "plan": { "phase": "Active", "tasks": task("Skipped") } });
    assert_eq!(unknown(plan), Some("status.plan.tasks[].status"));
    let plan = json!({ "plan": { "phase": "Active", "tasks": task("Running") } });
    assert_eq!(unknown(plan), None, "of a later Go controller");
    let plan = json!({ "plan": { "phase": "Active", "tasks": task("Pending"), "targetPhase": "Paused" } });
    assert_eq!(unknown(plan), Some("status.plan.targetPhase or failedPhase"));
}
