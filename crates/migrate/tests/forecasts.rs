//! Forecasts for recorded clusters of the Go controller.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{collections::BTreeSet, fs, path::Path};

use sei_migrate::{Cluster, Effect, Forecast, forecasts};
use sei_render::Platform;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn recorded(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance").join(path);
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn platform() -> Platform {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance/full-plain/platform.env");
    let text = fs::read_to_string(path).unwrap();
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    Platform::from_settings(&pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
        .unwrap()
}

fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// A full node of the Go controller with this status, and all of its objects.
fn cluster(status: Value) -> Cluster {
    let mut node = recorded("full-plain/seinode.yaml");
    let mut claim = recorded("full-plain/pvc.json");
    claim["metadata"]["uid"] = "claim".into();
    node["metadata"]["namespace"] = "pacific-1".into();
    node["metadata"]["uid"] = claim["metadata"]["ownerReferences"][0]["uid"].clone();
    node["metadata"]["resourceVersion"] = "1".into();
    node["metadata"]["finalizers"] = json!([sei_api::labels::FINALIZER]);
    node["status"] = status;
    let set = recorded("full-plain/statefulset.json");
    let mut pod = set["spec"]["template"].clone();
    pod["metadata"]["name"] = "rpc-0-0".into();
    pod["metadata"]["namespace"] = "pacific-1".into();
    pod["status"] = json!({ "phase": "Running",
        "conditions": [{ "type": "Ready", "status": "True" }] });
    Cluster {
        nodes: vec![node],
        claims: vec![read(claim)],
        stateful_sets: vec![read(set)],
        services: vec![read(recorded("full-plain/service.json"))],
        pods: vec![read(pod)],
        secrets: Some(BTreeSet::new()),
        ..Cluster::default()
    }
}

fn running() -> Cluster {
    let image = recorded("full-plain/seinode.yaml")["spec"]["image"].clone();
    cluster(json!({ "phase": "Running", "currentImage": image }))
}

fn only(cluster: &Cluster) -> Forecast {
    let mut found = forecasts(cluster, &platform(), "2030-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

#[test]
fn a_running_node_is_adopted_and_its_claim_marked() {
    let found = only(&running());
    assert_eq!((found.stalled, found.wedged, &*found.now), (None, false, "Running"));
    assert!(found.effect <= Effect::Continues, "{:?}: {:?}", found.effect, found.steps);
    assert_eq!(found.steps, ["claim data-rpc-0 is marked as initialized"]);
}

#[test]
fn a_plan_is_continued_at_its_task() {
    let mut plan = recorded("full-plain/plan.json")["init"]["plan"].clone();
    let count = plan["tasks"].as_array().unwrap().len();
    for task in plan["tasks"].as_array_mut().unwrap().iter_mut().take(2) {
        task["status"] = "Complete".into();
    }
    let third = plan["tasks"][2]["type"].as_str().unwrap().to_owned();
    let found = only(&cluster(json!({ "phase": "Initializing", "plan": plan })));
    let at = format!("task {third} (3 of {count})");
    assert_eq!(found.now, format!("Initializing, {at}"));
    assert!(found.steps.contains(&format!("continues: {at}")), "{found:#?}");
    assert_eq!(found.effect, Effect::Continues);
}

#[test]
fn a_changed_image_replaces_the_pod() {
    let found = only(&cluster(json!({ "phase": "Running", "currentImage": "seid:old" })));
    assert_eq!(found.effect, Effect::ReplacesPod, "{found:#?}");
    assert!(found.steps.last().unwrap().contains("replace-pod"), "{found:#?}");
}

#[test]
fn a_failed_plan_is_reported_as_wedged() {
    let mut plan = recorded("full-plain/plan.json")["init"]["plan"].clone();
    plan["phase"] = "Failed".into();
    plan["tasks"][0]["status"] = "Failed".into();
    plan["tasks"][0]["error"] = "no storage class".into();
    let found = only(&cluster(json!({ "phase": "Failed", "plan": plan })));
    assert!(found.wedged, "{found:#?}");
    assert!(found.now.ends_with(": no storage class"), "{}", found.now);
}

#[test]
fn nodes_that_will_be_stalled_are_reported_with_the_reason() {
    let mut unreadable = running();
    unreadable.nodes[0]["spec"]["image"] = json!(1);
    assert_eq!(only(&unreadable).stalled.unwrap().reason, "Unreadable");

    let mut invalid = running();
    invalid.nodes[0]["spec"]["image"] = json!("https://seid");
    let found = only(&invalid);
    let stalled = found.stalled.unwrap();
    assert_eq!((found.effect, &*stalled.reason), (Effect::Stalls, "InvalidSpec"));

    let mut twice = running();
    let key = |name: &str| json!({ "secret": { "secretName": name } });
    for (name, created) in [("val-0", "2029-01-01T00:00:00Z"), ("val-1", "2029-01-02T00:00:00Z")] {
        twice.nodes.push(json!({
            "metadata": { "name": name, "namespace": "pacific-1", "uid": name, "creationTimestamp": created },
            "spec": { "chainId": "pacific-1", "image": "seid:a", "validator": { "signingKey": key("signing"), "nodeKey": key(name) } },
        }));
    }
    let found = forecasts(&twice, &platform(), Default::default());
    let reasons: Vec<_> = found.iter().map(|it| it.stalled.as_ref().map(|it| &*it.reason)).collect();
    assert_eq!(reasons, [None, None, Some("SigningKeyInUse")], "{found:#?}");
}

#[test]
fn a_node_without_its_secret_waits_and_the_message_names_the_secret() {
    let mut tls = cluster(json!({ "phase": "Pending" }));
    tls.nodes[0]["spec"]["sidecar"] = json!({ "tls": { "secretName": "rpc-0-tls" } });
    let found = only(&tls);
    assert_eq!(found.effect, Effect::Waits, "{found:#?}");
    assert!(found.steps[0].contains("Secret rpc-0-tls does not exist"), "{found:#?}");
}

/// The SeiNodes of a recorded state and, at the end, their group.
fn group(path: &str) -> Vec<Forecast> {
    let state = recorded(&format!("deployment/{path}"));
    let list = |field: &str| state[field].as_array().cloned().unwrap_or_default();
    let cluster = Cluster {
        nodes: list("seiNodes"),
        groups: vec![state["seiNodeDeployment"].clone()],
        services: list("services").into_iter().map(read).collect(),
        ..Cluster::default()
    };
    forecasts(&cluster, &platform(), Default::default())
}

#[test]
fn recorded_groups_of_the_go_controller_have_a_forecast() {
    let steady = group("05-inplace-image/12-steady.json").pop().unwrap();
    assert_eq!((steady.kind, &steady.stalled), ("SeiNodeDeployment", &None));
    assert!(steady.effect < Effect::ReplacesPod, "{steady:#?}");

    // The Go controller changes the specs of all SeiNodes at the same time.
    let mut changed = group("05-inplace-image/05-change-seen-plan-stored.json");
    let group_itself = changed.pop().unwrap();
    assert!(group_itself.effect < Effect::ReplacesPod, "{group_itself:#?}");
    assert!(changed.iter().all(|node| node.effect == Effect::ReplacesPod), "{changed:#?}");

    // A second set in addition to the first is unexpected; without the first, it is the group.
    let both = group("06-bluegreen-image/11-entrants-running-not-caught-up.json").pop().unwrap();
    assert_eq!(both.effect, Effect::Stalls, "{both:#?}");
    let second = group("06-bluegreen-image/14-again-1-plan-never-completes.json").pop().unwrap();
    assert_eq!((second.effect, &second.stalled), (Effect::Continues, &None), "{second:#?}");
}
