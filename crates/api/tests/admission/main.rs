//! Evaluates the case tables without a server: CEL rules with kube's evaluator, bounds with a JSON schema
//! validator. The same tables run against a real API server in `tests/apiserver`, whose result is
//! authoritative.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

mod cases;
mod fields;

use std::collections::BTreeSet;

use cases::{Case, Expect};
use kube::core::cel::{Validator, apply_defaults};
use sei_api::{SeiNode, SeiNodeDeployment, SeiNodeTask};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

#[test]
fn every_case_has_the_expected_result() {
    for (cases, schema) in tables() {
        let bounds = jsonschema::validator_for(&schema).unwrap();
        let rules = for_kube_cel(schema.clone());
        let wrong: Vec<String> = cases
            .iter()
            .filter_map(|case| {
                let faults = faults(case, &bounds, &rules, &schema);
                let right = match &case.expect {
                    Expect::Admitted | Expect::Stalled(_) => {
                        faults.bounds.is_empty() && faults.rules.is_empty()
                    }
                    Expect::Refused(message) => {
                        faults.bounds.is_empty()
                            && faults.rules.iter().any(|rule| rule.contains(message.as_str()))
                    }
                    Expect::Bound(path) => faults.bounds.iter().any(|bound| bound.starts_with(path.as_str())),
                };
                (!right)
                    .then(|| format!("{}: bounds {:?}, rules {:?}", case.name, faults.bounds, faults.rules))
            })
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

#[test]
fn groups_recorded_from_the_go_controller_have_the_documented_result() {
    let schema = deployment_schema();
    let bounds = jsonschema::validator_for(&schema).unwrap();
    let rules = for_kube_cel(schema.clone());
    let cases = cases::recorded();
    assert!(cases.len() >= 50, "only {} cases", cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let faults = faults(case, &bounds, &rules, &schema);
            let admitted = faults.bounds.is_empty() && faults.rules.is_empty();
            (admitted != case.expect.is_admitted()).then(|| format!("{}: {faults:?}", case.name))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_types_round_trip_every_admitted_object() {
    fn unchanged<T: DeserializeOwned + Serialize>(cases: &[Case], schema: &Value) {
        for case in cases.iter().filter(|case| case.expect.is_admitted()) {
            let mut object = as_admitted(&case.object, schema);
            quantities_as_strings(&mut object);
            let typed: T = serde_json::from_value(object.clone()).unwrap_or_else(|error| {
                panic!("{}: {error}", case.name);
            });
            assert_eq!(serde_json::to_value(&typed).unwrap(), object, "{}", case.name);
        }
    }
    unchanged::<SeiNode>(&cases::nodes(), &schema());
    unchanged::<SeiNodeDeployment>(&cases::deployments(), &deployment_schema());
    unchanged::<SeiNodeTask>(&cases::tasks(), &task_schema());
}

#[test]
fn a_group_with_a_name_that_is_now_too_long_can_be_changed_but_not_scaled_up() {
    let rules = for_kube_cel(deployment_schema());
    let mut cases = cases::deployments().into_iter();
    let Case { mut object, .. } = cases.find(|case| case.name == "a group of full nodes").unwrap();
    object["metadata"]["name"] = "a".repeat(60).into();
    assert!(Validator::new().validate(&rules, &object, None).is_err());
    let mut changed = object.clone();
    changed["spec"]["replicas"] = 2.into();
    assert!(Validator::new().validate(&rules, &changed, Some(&object)).is_ok());
    assert!(Validator::new().validate(&rules, &object, Some(&changed)).is_err());
}

#[test]
fn a_node_with_a_name_that_is_now_too_long_can_still_be_changed() {
    let rules = for_kube_cel(schema());
    let Case { mut object, .. } = cases::nodes().into_iter().find(|case| case.name == "TLS").unwrap();
    object["metadata"]["name"] = "a".repeat(60).into();
    assert!(Validator::new().validate(&rules, &object, None).is_err());
    assert!(Validator::new().validate(&rules, &object, Some(&object)).is_ok());
}

#[test]
fn objects_of_the_go_controller_are_admitted() {
    let nodes = [
        include_str!("../../../../tests/conformance/archive-publish/seinode.yaml"),
        include_str!("../../../../tests/conformance/full-plain/seinode.yaml"),
        include_str!("../../../../tests/conformance/full-s3-bootstrap/seinode.yaml"),
        include_str!("../../../../tests/conformance/full-tls/seinode.yaml"),
        include_str!("../../../../tests/conformance/validator-tls/seinode.yaml"),
    ];
    let schema = schema();
    let bounds = jsonschema::validator_for(&schema).unwrap();
    let rules = for_kube_cel(schema.clone());
    for node in nodes {
        let object: Value = serde_saphyr::from_str(node).unwrap();
        let name = object["metadata"]["name"].to_string();
        let case = Case { name, old: Some(object.clone()), object, expect: Expect::Admitted };
        let faults = faults(&case, &bounds, &rules, &schema);
        assert!(faults.bounds.is_empty() && faults.rules.is_empty(), "{}: {faults:?}", case.name);
    }
}

#[test]
fn every_rule_rejects_at_least_one_case() {
    let [(nodes, node_schema), (groups, mut group_schema), (tasks, task_schema)] = tables();
    let template = group_schema.pointer_mut("/properties/spec/properties/template/properties/spec");
    // The rules of the template are those of a SeiNode.
    *template.unwrap() = Value::Null;
    for (cases, schema, least) in
        [(nodes, node_schema, 30), (groups, group_schema, 15), (tasks, task_schema, 4)]
    {
        let mut messages = BTreeSet::new();
        collect(&schema, &mut messages);
        let refused = |message: &String| {
            cases
                .iter()
                .any(|case| matches!(&case.expect, Expect::Refused(part) if message.contains(part.as_str())))
        };
        let unused: Vec<_> = messages.iter().filter(|message| !refused(message)).collect();
        assert!(messages.len() > least, "only {} rules found", messages.len());
        assert!(unused.is_empty(), "no case for: {unused:#?}");
    }
}

#[test]
fn the_tables_have_many_distinct_cases() {
    let cases = cases::nodes();
    let refused = cases.iter().filter(|case| !case.expect.is_admitted()).count();
    let stalled =
        cases.iter().filter(|case| matches!(&case.expect, Expect::Stalled(part) if !part.is_empty())).count();
    let names: BTreeSet<_> = cases.iter().map(|case| case.name.as_str()).collect();
    assert!(refused >= 60 && stalled >= 15, "{refused} and {stalled} invalid objects");
    assert_eq!(names.len(), cases.len(), "two cases with the same name");
}

#[derive(Debug)]
struct Faults {
    /// Paths of fields that are out of bounds.
    bounds: Vec<String>,
    /// Messages of violated rules.
    rules: Vec<String>,
}

fn faults(case: &Case, bounds: &jsonschema::Validator, rules: &Value, schema: &Value) -> Faults {
    let object = as_admitted(&case.object, schema);
    let old = case.old.as_ref().map(|old| as_admitted(old, schema));
    let bounds = bounds.iter_errors(&object).map(|error| path_of(&error)).collect();
    let rules = match Validator::new().validate(rules, &object, old.as_ref()) {
        Ok(()) => Vec::new(),
        Err(errors) => errors.iter().map(|error| error.message.clone()).collect(),
    };
    Faults { bounds, rules }
}

/// What an API server does before validation: nulls in fields that are not nullable are dropped, defaults are
/// filled in.
fn as_admitted(object: &Value, schema: &Value) -> Value {
    fn without_nulls(value: &mut Value) {
        if let Value::Object(fields) = value {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(without_nulls);
        } else if let Value::Array(items) = value {
            items.iter_mut().for_each(without_nulls);
        }
    }
    let mut object = object.clone();
    without_nulls(&mut object);
    apply_defaults(schema, &object)
}

/// A quantity may be written as a number; it is always returned as a string.
fn quantities_as_strings(object: &mut Value) {
    for kind in ["limits", "requests"] {
        let quantities = object.pointer_mut(&format!("/spec/sidecar/resources/{kind}"));
        for quantity in quantities.and_then(Value::as_object_mut).into_iter().flat_map(|map| map.values_mut())
        {
            if quantity.is_number() {
                *quantity = quantity.to_string().into();
            }
        }
    }
}

/// Differences between kube's evaluator and the API server: it renames a field called `import` (the server
/// accepts `self.import`), and on creation an optional `oldSelf` is null instead of an empty optional.
fn for_kube_cel(schema: Value) -> Value {
    let text = schema.to_string().replace(".import)", ".__import__)");
    let text = text.replace("oldSelf.hasValue()", "oldSelf != null").replace("oldSelf.value()", "oldSelf");
    serde_json::from_str(&text).unwrap()
}

fn path_of(error: &jsonschema::ValidationError<'_>) -> String {
    use jsonschema::error::ValidationErrorKind;
    let mut path = String::new();
    for part in error.instance_path().to_string().split('/').filter(|part| !part.is_empty()) {
        match part.parse::<usize>() {
            Ok(index) => path.push_str(&format!("[{index}]")),
            Err(_) if path.is_empty() => path.push_str(part),
            Err(_) => path.push_str(&format!(".{part}")),
        }
    }
    if let ValidationErrorKind::Required { property } = error.kind() {
        let property = property.as_str().unwrap();
        path = if path.is_empty() { property.to_owned() } else { format!("{path}.{property}") };
    }
    path
}

fn schema() -> Value {
    sei_api::crd_manifest().unwrap()["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

fn deployment_schema() -> Value {
    sei_api::deployment_crd_manifest().unwrap()["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

fn task_schema() -> Value {
    sei_api::task_crd_manifest().unwrap()["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

/// The case tables, each with the schema that it is evaluated with.
fn tables() -> [(Vec<Case>, Value); 3] {
    [(cases::nodes(), schema()), (cases::deployments(), deployment_schema()), (cases::tasks(), task_schema())]
}

fn collect(schema: &Value, messages: &mut BTreeSet<String>) {
    match schema {
        Value::Object(fields) => {
            for rule in fields.get("x-kubernetes-validations").and_then(Value::as_array).into_iter().flatten()
            {
                messages.insert(rule["message"].as_str().unwrap().to_owned());
            }
            fields.values().for_each(|field| collect(field, messages));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, messages)),
        _ => {}
    }
}
