//! `deploy/alerts`, run by the real promtool.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

use sei_testkit::chart::{self, RELEASE, find};
use serde_json::{Value, json};

use crate::promql;

const RUNBOOKS: &str = "https://github.com/sei-protocol/sei-operator/blob/main/docs/runbooks.md";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/alerts")
}

fn yaml(path: &Path) -> Value {
    serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn tests() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder().join("tests")).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().map_or(&[], Vec::as_slice)
}

fn alerts() -> Vec<Value> {
    let rules = yaml(&folder().join("rules.yaml"));
    list(&rules, "groups").iter().flat_map(|group| list(group, "rules")).cloned().collect()
}

fn promtool(arguments: &[&str], files: &[PathBuf]) {
    let program = std::env::var_os("PROMTOOL").expect(
        "PROMTOOL is not set: run `cargo xtask test`, or export PROMTOOL=$(cargo xtask tools promtool)/promtool",
    );
    let output = Command::new(program).args(arguments).args(files).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn alerts_fire_exactly_when_expected() {
    promtool(&["check", "rules", "--lint=all", "--lint-fatal"], &[folder().join("rules.yaml")]);
    promtool(&["test", "rules"], &tests());
}

#[test]
fn every_alert_has_a_test_in_which_it_fires_and_one_in_which_it_does_not() {
    let mut tried: BTreeMap<String, BTreeSet<bool>> = BTreeMap::new();
    for file in tests() {
        for case in list(&yaml(&file), "tests").iter().flat_map(|test| list(test, "alert_rule_test")) {
            let fires = !list(case, "exp_alerts").is_empty();
            tried.entry(case["alertname"].as_str().unwrap().to_owned()).or_default().insert(fires);
        }
    }
    let alerts: BTreeMap<_, _> = alerts()
        .iter()
        .map(|alert| (alert["alert"].as_str().unwrap().to_owned(), BTreeSet::from([true, false])))
        .collect();
    assert_eq!(tried, alerts);
}

#[test]
fn alerts_use_only_documented_metrics() {
    let documented = promql::documented();
    for alert in alerts() {
        let expression = alert["expr"].as_str().unwrap();
        let read = promql::metrics(expression);
        assert_eq!(promql::unknown_labels(expression), BTreeSet::new(), "labels in {}", alert["alert"]);
        assert!(!read.is_empty(), "{alert}");
        let unknown: Vec<_> = read.difference(&documented).collect();
        assert!(unknown.is_empty(), "{} reads {unknown:?}", alert["alert"]);
    }
}

#[test]
fn every_alert_has_a_description_and_a_runbook() {
    let runbooks = include_str!("../../../../docs/runbooks.md");
    let sections: Vec<_> = runbooks.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let names: Vec<_> = alerts().iter().map(|alert| alert["alert"].as_str().unwrap().to_owned()).collect();
    assert_eq!(sections, names, "one section an alert, in their order");
    for alert in alerts() {
        let name = alert["alert"].as_str().unwrap();
        let annotations = &alert["annotations"];
        assert!(annotations["summary"].is_string() && annotations["description"].is_string(), "{name}");
        assert_eq!(annotations["runbook_url"], format!("{RUNBOOKS}#{}", name.to_lowercase()));
        let severity = alert["labels"]["severity"].as_str().unwrap();
        assert!(["critical", "warning"].contains(&severity), "{name} is {severity}");
    }
}

#[test]
fn the_chart_installs_the_alerts_unchanged() {
    let rule = |values: Value| {
        let objects = chart::render(&values).unwrap();
        find(&objects, "PrometheusRule", RELEASE).cloned()
    };
    assert_eq!(rule(json!({})), None);
    let installed = rule(json!({ "metrics": { "prometheusRule": { "enabled": true } } })).unwrap();
    assert_eq!(installed["spec"], yaml(&folder().join("rules.yaml")));

    let elsewhere =
        json!({ "enabled": true, "runbookURL": "https://wiki/sei", "labels": { "release": "prometheus" } });
    let installed = rule(json!({ "metrics": { "prometheusRule": elsewhere } })).unwrap();
    assert_eq!(installed["metadata"]["labels"]["release"], "prometheus");
    let first = &installed["spec"]["groups"][0]["rules"][0];
    assert_eq!(first["annotations"]["runbook_url"], "https://wiki/sei#seinodestalled");
}
