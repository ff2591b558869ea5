//! Compares our CRDs with those of the Go controller (`tests/conformance`): every difference is listed in
//! `docs/objects.md` and `docs/deployments.md` with its reason, and every listed difference exists.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Path of the spec of a node in a group.
const TEMPLATE: &str = "spec.template.";

/// The allowed differences: the paths in the rows `place, why` of section The CRD of `page`. A `*` stands for
/// one part of the path.
fn differences(page: &str) -> Vec<String> {
    let section = page.split("\n## ").find(|section| section.starts_with("The CRD\n")).unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| row.split_once("` | ").unwrap().0.replace("\\|", "|")).collect()
}

fn of_nodes() -> Vec<String> {
    differences(include_str!("../../../docs/objects.md"))
}

fn of_groups() -> Vec<String> {
    differences(include_str!("../../../docs/deployments.md"))
}

#[test]
fn the_listed_differences_of_a_node_are_exactly_those_that_exist() {
    agree(&found_in_nodes(), &of_nodes(), &[]);
}

#[test]
fn the_listed_differences_of_a_group_are_exactly_those_that_exist() {
    // What differs in a node also differs in the template.
    let in_template = of_nodes().into_iter().map(|place| format!("{TEMPLATE}{place}"));
    let in_plan = of_nodes().into_iter().filter(|place| place.starts_with("status.plan."));
    let of_template: Vec<_> = in_template.chain(in_plan).collect();
    agree(&found_in_groups(), &of_groups(), &of_template);
}

fn agree(found: &BTreeSet<String>, listed: &[String], listed_elsewhere: &[String]) {
    let explained =
        |found: &&String| listed.iter().chain(listed_elsewhere).any(|listed| covers(listed, found));
    let unexplained: Vec<_> = found.iter().filter(|found| !explained(found)).collect();
    let vanished: Vec<_> =
        listed.iter().filter(|listed| !found.iter().any(|found| covers(listed, found))).collect();
    assert!(unexplained.is_empty(), "not listed: {unexplained:#?}");
    assert!(vanished.is_empty(), "listed, but the same: {vanished:#?}");
}

#[test]
fn our_schema_lacks_only_patterns_that_forbid_dots() {
    let missing: Vec<_> = found_in_nodes().into_iter().filter(|found| found.starts_with('-')).collect();
    let expected: Vec<_> = missing
        .iter()
        .filter(|missing| {
            missing.ends_with("ecretName pattern")
                || missing.ends_with("pvcName pattern")
                || ["-apiVersion", "-kind", "-metadata"].contains(&missing.as_str())
        })
        .collect();
    assert_eq!(missing.iter().collect::<Vec<_>>(), expected);
}

fn found_in_nodes() -> BTreeSet<String> {
    let go: Value = serde_json::from_str(include_str!("../../../tests/conformance/crd-schema.json")).unwrap();
    found(&go["names"], &go["version"], &sei_api::crd_manifest().unwrap())
}

fn found_in_groups() -> BTreeSet<String> {
    let go: Value =
        serde_saphyr::from_str(include_str!("../../../tests/conformance/deployment/crd.yaml")).unwrap();
    found(&go["spec"]["names"], &go["spec"]["versions"][0], &sei_api::deployment_crd_manifest().unwrap())
}

/// `+place` if only our CRD has something, `-place` if only the Go controller's has, `!place` if both have
/// different values.
fn found(go_names: &Value, go_version: &Value, ours: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let our_version = &ours["spec"]["versions"][0];
    assert_eq!((&ours["spec"]["group"], &ours["spec"]["scope"]), (&"sei.io".into(), &"Namespaced".into()));
    keywords("names.", go_names, &ours["spec"]["names"], &mut found);
    for field in ["name", "served", "storage", "subresources", "additionalPrinterColumns"] {
        if go_version[field] != our_version[field] {
            found.insert(format!("!version.{field}"));
        }
    }
    let schema = |version: &Value| version["schema"]["openAPIV3Schema"].clone();
    compare("", &schema(go_version), &schema(our_version), &mut found);
    found
}

fn compare(path: &str, go: &Value, ours: &Value, found: &mut BTreeSet<String>) {
    const APART: [&str; 5] =
        ["properties", "items", "additionalProperties", "x-kubernetes-validations", "description"];
    let without = |schema: &Value| {
        let fields = schema.as_object().cloned().unwrap_or_default();
        Value::Object(fields.into_iter().filter(|(key, _)| !APART.contains(&key.as_str())).collect())
    };
    let prefix = if path.is_empty() { String::new() } else { format!("{path} ") };
    keywords(&prefix, &without(go), &without(ours), found);

    let rules = |schema: &Value| -> BTreeSet<(String, String)> {
        let text = |rule: &Value, key: &str| rule[key].as_str().unwrap().to_owned();
        let rules = schema["x-kubernetes-validations"].as_array().cloned().unwrap_or_default();
        rules.iter().map(|rule| (text(rule, "rule"), text(rule, "message"))).collect()
    };
    let (go_rules, our_rules) = (rules(go), rules(ours));
    found.extend(our_rules.difference(&go_rules).map(|(rule, _)| format!("+{prefix}rule: {rule}")));
    found.extend(go_rules.difference(&our_rules).map(|(rule, _)| format!("-{prefix}rule: {rule}")));

    let properties = |schema: &Value| schema["properties"].as_object().cloned().unwrap_or_default();
    let (go_fields, our_fields): (Map<_, _>, Map<_, _>) = (properties(go), properties(ours));
    let dot = if path.is_empty() { "" } else { "." };
    for (name, field) in &our_fields {
        let path = format!("{path}{dot}{name}");
        match go_fields.get(name) {
            Some(go_field) => compare(&path, go_field, field, found),
            None => drop(found.insert(format!("+{path}"))),
        }
    }
    for name in go_fields.keys().filter(|name| !our_fields.contains_key(*name)) {
        found.insert(format!("-{path}{dot}{name}"));
    }
    for (key, mark) in [("items", "[]"), ("additionalProperties", "{}")] {
        match (go.get(key), ours.get(key)) {
            (Some(go), Some(ours)) => compare(&format!("{path}{mark}"), go, ours, found),
            (None, None) => {}
            _ => drop(found.insert(format!("!{path}{mark}"))),
        }
    }
}

/// Every keyword that only one side has, or that has different values. The order of `required` is ignored.
fn keywords(prefix: &str, go: &Value, ours: &Value, found: &mut BTreeSet<String>) {
    let sorted = |value: &Value| match value {
        Value::Array(items) => {
            let mut items: Vec<_> = items.iter().map(Value::to_string).collect();
            items.sort();
            items.join(",")
        }
        other => other.to_string(),
    };
    let (go, ours) = (go.as_object().unwrap(), ours.as_object().unwrap());
    for (key, value) in ours {
        match go.get(key) {
            Some(go) if sorted(go) == sorted(value) => {}
            Some(_) => drop(found.insert(format!("!{prefix}{key}"))),
            None => drop(found.insert(format!("+{prefix}{key}"))),
        }
    }
    for key in go.keys().filter(|key| !ours.contains_key(*key)) {
        found.insert(format!("-{prefix}{key}"));
    }
}

/// Whether `listed` matches `found`: part by part, `*` matches any part, and the beginning of a rule matches
/// the rule.
fn covers(listed: &str, found: &str) -> bool {
    let found = &found[1..];
    let (place, rule) = split(listed);
    let (found_place, found_rule) = split(found);
    let (parts, found_parts): (Vec<_>, Vec<_>) =
        (place.split('.').collect(), found_place.split('.').collect());
    parts.len() == found_parts.len()
        && parts.iter().zip(&found_parts).all(|(part, found)| *part == "*" || part == found)
        && match (rule, found_rule) {
            (Some(start), Some(rule)) => rule.starts_with(start),
            (None, None) => true,
            _ => false,
        }
}

fn split(difference: &str) -> (&str, Option<&str>) {
    difference.split_once("rule: ").map_or((difference, None), |(place, rule)| (place, Some(rule)))
}
