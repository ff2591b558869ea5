//! The Grafana dashboard.

use std::collections::BTreeSet;

use sei_testkit::chart::{self, find};
use serde_json::{Value, json};

use crate::promql;

fn dashboard() -> Value {
    serde_json::from_str(include_str!("../../../../deploy/dashboards/sei-operator.json")).unwrap()
}

fn panels(dashboard: &Value) -> Vec<&Value> {
    dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row").collect()
}

#[test]
fn panels_show_exactly_the_documented_metrics() {
    let dashboard = dashboard();
    let mut read = BTreeSet::new();
    for panel in panels(&dashboard) {
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{panel}");
        for target in targets {
            let expression = target["expr"].as_str().unwrap();
            read.extend(promql::metrics(expression));
            assert_eq!(promql::unknown_labels(expression), BTreeSet::new(), "labels in {}", panel["title"]);
        }
    }
    let documented = promql::documented();
    assert_eq!(read.difference(&documented).collect::<Vec<_>>(), [""; 0], "read and not documented");
    // A histogram counts as shown if one of its series is.
    let ends = ["_bucket", "_count", "_sum"];
    let base = |name: &String| {
        let end = ends.iter().find_map(|end| name.strip_suffix(end));
        end.unwrap_or(name).to_owned()
    };
    let shown: BTreeSet<_> = read.iter().map(base).collect();
    let all: BTreeSet<_> = documented.iter().map(base).collect();
    assert_eq!(all.difference(&shown).collect::<Vec<_>>(), [""; 0], "documented and not shown");
}

#[test]
fn panels_do_not_overlap() {
    let dashboard = dashboard();
    let mut taken = BTreeSet::new();
    let number = |panel: &Value, field: &str| panel["gridPos"][field].as_u64().unwrap();
    for panel in dashboard["panels"].as_array().unwrap() {
        for x in number(panel, "x")..number(panel, "x") + number(panel, "w") {
            assert!(x < 24, "{} is too wide", panel["title"]);
            for y in number(panel, "y")..number(panel, "y") + number(panel, "h") {
                assert!(taken.insert((x, y)), "{} lies on another", panel["title"]);
            }
        }
    }
    let ids: BTreeSet<_> =
        dashboard["panels"].as_array().unwrap().iter().map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), dashboard["panels"].as_array().unwrap().len(), "ids");
}

#[test]
fn the_chart_installs_the_dashboard_unchanged() {
    let values =
        json!({ "metrics": { "dashboard": { "enabled": true, "annotations": { "folder": "Sei" } } } });
    let objects = chart::render(&values).unwrap();
    let map = find(&objects, "ConfigMap", "sei-operator-dashboard").unwrap();
    assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
    assert_eq!(map["metadata"]["annotations"]["folder"], "Sei");
    let installed: Value = serde_json::from_str(map["data"]["sei-operator.json"].as_str().unwrap()).unwrap();
    assert_eq!(installed, dashboard());
}
