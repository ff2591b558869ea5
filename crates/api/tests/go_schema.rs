//! Our CRD beside the one of the Go controller (`tests/conformance/crd-schema.json`): whatever differs is listed here
//! with the reason, and whatever is listed here differs.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// What may differ: place and keyword, and why. A `*` stands for one part of the path.
const DIFFERENCES: &[(&str, &str)] = &[
    // The resource
    ("names.categories", "`kubectl get sei`"),
    ("version.additionalPrinterColumns", "what people look at is shown"),
    ("apiVersion", "the server adds it"),
    ("kind", "the server adds it"),
    ("metadata", "the server adds it"),
    ("required", "an object without spec means nothing"),
    ("rule: oldSelf.hasValue() ||", "names that the Service, pods or Job cannot have failed late"),
    // Bounds
    ("spec.chainId maxLength", "it is a label value"),
    ("spec.chainId rule: self.matches(", "it is a label value, and reaches command lines"),
    ("spec.validator.genesisCeremony.chainId maxLength", "it is a chain id"),
    ("spec.validator.genesisCeremony.chainId rule: self.matches(", "it is a chain id"),
    ("spec.podLabels maxProperties", "the cost of rules is bounded"),
    ("spec.podLabels rule: self.all(", "they are labels"),
    ("spec.podLabels{} maxLength", "they are label values"),
    ("spec.podLabels{} rule: self == ''", "they are label values"),
    ("spec.peers[].label.namespace maxLength", "it is a namespace"),
    ("spec.peers[].label.namespace pattern", "it is a namespace, and part of a request's path"),
    ("spec.sidecar.port maximum", "it is a port"),
    ("spec.sidecar.port minimum", "it is a port"),
    ("spec.sidecar.port rule: !(self in", "two containers of a pod cannot share a port"),
    ("spec.sidecar.tls.secretName maxLength", "it is a Secret"),
    ("spec.sidecar.tls.secretName rule: self.matches(", "it is a Secret"),
    ("spec.*.snapshot.backfillBlocks minimum", "less than none makes no sense"),
    ("spec.*.snapshot.trustPeriod maxLength", "it is a duration"),
    ("spec.*.snapshot.trustPeriod rule: self == ''", "it is a duration"),
    // Names with dots: the pattern of the Go controller forbids them, though Secrets and claims may have them.
    ("spec.dataVolume.import.pvcName pattern", "dots are legal"),
    ("spec.dataVolume.import.pvcName rule: self.matches(", "dots are legal"),
    ("spec.validator.*.secret.secretName pattern", "dots are legal"),
    ("spec.validator.*.secret.secretName rule: self.matches(", "dots are legal"),
    ("spec.validator.operatorKeyring.secret.passphraseSecretRef.secretName pattern", "dots are legal"),
    (
        "spec.validator.operatorKeyring.secret.passphraseSecretRef.secretName rule: self.matches(",
        "dots are legal",
    ),
    // Refused by the Go controller after admission, where nobody sees it.
    ("spec.*.snapshot rule: !has(self.bootstrapImage)", "refused late"),
    ("spec.*.snapshotGeneration rule: has(self.tendermint)", "refused late"),
    ("spec.*.snapshotGeneration.tendermint rule: !has(self.publish)", "refused late"),
    ("spec.replayer rule: has(self.snapshot.s3)", "refused late"),
    ("spec.replayer.resultExport rule: has(self.shadowResult)", "refused late"),
    ("spec.validator rule: !has(self.signingKey) || !has(self.genesisCeremony)", "refused late"),
    // Decided at creation
    ("spec rule: has(self.fullNode) == has(oldSelf.fullNode)", "a mode cannot change under its data"),
    (
        "spec rule: (has(self.dataVolume) && has(self.dataVolume.import))",
        "a volume cannot change under a node",
    ),
    ("spec.chainId rule: self == oldSelf", "a chain cannot change under its data"),
    ("spec.fullNode rule: has(self.snapshot) == has(oldSelf.snapshot)", "read once, by the first plan"),
    ("spec.validator rule: has(self.snapshot) == has(oldSelf.snapshot)", "read once, by the first plan"),
    ("spec.*.snapshot rule: has(self.s3) ?", "read once, by the first plan"),
    (
        "spec.validator rule: has(self.signingKey) == has(oldSelf.signingKey)",
        "a key that comes back may sign twice",
    ),
    ("spec.validator rule: has(self.operatorKeyring) ==", "its Secrets cannot be swapped by removing it"),
    ("spec.validator rule: has(self.genesisCeremony) ==", "read once, by the first plan"),
    ("spec.validator.genesisCeremony rule: self == oldSelf", "read once, by the first plan"),
    // Status
    ("status.observedGeneration", "tools can tell whether status is current"),
    ("status.plan.createdAt", "waits have a beginning"),
    ("status.plan.generation", "a spec that changed under a plan is noticed"),
    ("status.plan.retry", "a retry asked for is made once"),
    ("status.plan.targetImage", "an update plan says which image it is for"),
    ("status.plan.tasks[].nextAttemptAt", "retries outlive a restart of the operator"),
    ("status.plan.tasks[].waitingSince", "waits have a beginning"),
    ("status.plan.failedTaskIndex format", "numbers have 64 bits"),
    ("status.plan.failedTaskDetail.maxRetries format", "numbers have 64 bits"),
    ("status.plan.failedTaskDetail.retryCount format", "numbers have 64 bits"),
    ("status.plan.tasks[].maxRetries format", "numbers have 64 bits"),
    ("status.plan.tasks[].retryCount format", "numbers have 64 bits"),
];

#[test]
fn every_difference_has_a_reason_and_every_reason_a_difference() {
    let found = found();
    let unexplained: Vec<_> =
        found.iter().filter(|found| !DIFFERENCES.iter().any(|(listed, _)| covers(listed, found))).collect();
    let vanished: Vec<_> =
        DIFFERENCES.iter().filter(|(listed, _)| !found.iter().any(|found| covers(listed, found))).collect();
    assert!(unexplained.is_empty(), "not listed: {unexplained:#?}");
    assert!(vanished.is_empty(), "listed, but the same: {vanished:#?}");
}

#[test]
fn nothing_of_the_go_controller_is_missing_but_patterns_that_forbid_dots() {
    let missing: Vec<_> = found().into_iter().filter(|found| found.starts_with('-')).collect();
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

/// `+place` where only we say something, `-place` where only the Go controller does, `!place` where we disagree.
fn found() -> BTreeSet<String> {
    let go: Value = serde_json::from_str(include_str!("../../../tests/conformance/crd-schema.json")).unwrap();
    let ours = sei_api::crd_manifest().unwrap();
    let mut found = BTreeSet::new();
    let (go_version, our_version) = (&go["version"], &ours["spec"]["versions"][0]);
    for field in ["group", "scope"] {
        assert_eq!(go[field], ours["spec"][field], "{field}");
    }
    keywords("names.", &go["names"], &ours["spec"]["names"], &mut found);
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

/// Every keyword that only one side has, or that both have with another value. The order of `required` is nothing.
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

/// Whether `listed` names `found`: part by part, `*` for any, and the beginning of a rule for the rule.
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
