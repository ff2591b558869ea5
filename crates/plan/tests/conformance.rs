//! The Go controller's plans and request bodies, and every deviation with its reason.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

use sei_api::{SeiNode, v1alpha1::TaskPlan};
use sei_node::Node;
use sei_plan::{TaskKind, build, sidecar_requests, task_id};
use serde_json::{Value, json};

/// A case of the Go controller: its name, SeiNode and plans.
macro_rules! cases {
    ($($name:literal),* $(,)?) => {
        [$((
            $name,
            include_str!(concat!("../../../tests/conformance/", $name, "/seinode.yaml")),
            include_str!(concat!("../../../tests/conformance/", $name, "/plan.json")),
        )),*]
    };
}

/// The tasks of these plans that the sidecar runs.
const SIDECAR: &[&str] = &[
    "snapshot-restore",
    "configure-genesis",
    "config-apply",
    "discover-peers",
    "configure-state-sync",
    "config-validate",
    "snapshot-upload",
    "mark-ready",
];

type Deviation = fn(&SeiNode, &mut Vec<Value>);

/// Deviations from the Go controller's plans, with the reasons in section Plans of `docs/objects.md`. Each
/// function turns the Go controller's plan, as `status.plan.tasks`, into ours.
const DEVIATIONS: &[(&str, Deviation)] = &[
    ("failures are detected, so every sidecar task has a retry budget", |_, tasks| {
        for task in tasks {
            let with_budget = task.get("maxRetries").is_some();
            if SIDECAR.contains(&task["type"].as_str().unwrap()) && !with_budget {
                task["maxRetries"] = json!(5);
            }
        }
    }),
    ("newer sidecars have no `discover-peers`, so `config-apply` writes the peers", |node, tasks| {
        let peers = json!(node.spec.peers.clone().unwrap_or_default());
        for task in tasks.iter_mut().filter(|task| task["type"] == "config-apply") {
            task["params"]["peers"] = peers.clone();
        }
        tasks.retain(|task| task["type"] != "discover-peers");
    }),
    ("a volume with data keeps the configuration that fits it", |_, tasks| {
        let mut applied = tasks.iter_mut().filter(|task| task["type"] == "config-apply").skip(1);
        if let Some(task) = applied.next() {
            task["params"]["incremental"] = json!(true);
            task["params"]["overrides"]["state_sync.enable"] = json!("false");
        }
    }),
    ("changes of overrides, peers and the external address reach a running node", |node, tasks| {
        let is_update = tasks.iter().any(|task| task["type"] == "observe-image");
        let Some(place) = tasks.iter().position(|task| task["type"] == "replace-pod").filter(|_| is_update)
        else {
            return;
        };
        // What the first plan writes, in place.
        let first = build::init(&Node::of(node), "p");
        let mut params =
            first.tasks.iter().find(|task| task.type_ == "config-apply").unwrap().params.clone().unwrap();
        params["incremental"] = json!(true);
        if node.spec.peers.is_none() {
            params.as_object_mut().unwrap().remove("peers");
        }
        let task = |type_: &str, params| json!({ "type": type_, "status": "Pending", "params": params, "maxRetries": 5 });
        tasks.insert(place, task("config-validate", json!({})));
        tasks.insert(place, task("config-apply", params));
    }),
    ("a publisher keeps publishing after a restart of the sidecar", |node, tasks| {
        let uploads = tasks.iter().any(|task| task["type"] == "snapshot-upload");
        if Node::of(node).publishes_snapshots() && !uploads {
            let before = tasks.iter().position(|task| task["type"] == "mark-ready").unwrap();
            tasks.insert(
                before,
                json!({ "type": "snapshot-upload", "status": "Pending", "params": {}, "maxRetries": 5 }),
            );
        }
    }),
];

#[test]
fn the_deviations_are_documented() {
    let page = include_str!("../../../docs/objects.md");
    let section = page.split("\n## ").find(|section| section.starts_with("Plans\n")).unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let documented: Vec<_> = rows.filter_map(|row| row.trim_end_matches(" |").rsplit(" | ").next()).collect();
    let reasons: Vec<_> = DEVIATIONS.iter().map(|(reason, _)| *reason).collect();
    assert_eq!(documented, reasons);
}

#[test]
fn plans_and_requests_match_the_go_controller_except_for_documented_deviations() {
    for (name, node, expected) in
        cases!["archive-publish", "full-plain", "full-s3-bootstrap", "full-tls", "validator-tls"]
    {
        let node: SeiNode = serde_saphyr::from_str(node).unwrap();
        let expected: Value = serde_json::from_str(expected).unwrap();
        for (story, make) in [
            ("init", build::init as fn(&Node<'_>, &str) -> TaskPlan),
            ("imageUpdate", build::update),
            ("markReadyReapply", build::mark_ready),
        ] {
            let expected = &expected[story];
            let mut node = node.clone();
            if let Some(image) = expected["specImage"].as_str() {
                node.spec.image = image.to_owned();
            }
            let plan = make(&Node::of(&node), expected["planId"].as_str().unwrap());
            compare(&format!("{name} {story}"), &node, &build::bare(&plan), expected);
        }
    }
}

fn compare(case: &str, node: &SeiNode, plan: &TaskPlan, expected: &Value) {
    let mut tasks = expected["plan"]["tasks"].as_array().unwrap().clone();
    for (_, deviate) in DEVIATIONS {
        deviate(node, &mut tasks);
    }
    for (index, task) in tasks.iter_mut().enumerate() {
        let kind = TaskKind::from_wire(task["type"].as_str().unwrap()).unwrap();
        let id = json!(task_id(&plan.id, kind, index));
        // Only tasks moved by the table have other IDs.
        let moved = expected["plan"]["tasks"].get(index).is_none_or(|go| go["type"] != task["type"]);
        assert!(moved || task["id"] == id, "{case}: id of task {index}");
        task["id"] = id;
    }
    let mut wanted = expected["plan"].clone();
    wanted["tasks"] = tasks.into();
    assert_eq!(serde_json::to_value(plan).unwrap(), wanted, "{case}");

    let peers = node.status.as_ref().and_then(|status| status.resolved_peers.clone()).unwrap_or_default();
    let requests = sidecar_requests(plan, &peers).unwrap();
    let mut earlier = Vec::new();
    for go in expected["sidecarRequests"].as_array().unwrap() {
        let type_ = &go["body"]["type"];
        let nth = earlier.iter().filter(|earlier| *earlier == type_).count();
        earlier.push(type_.clone());
        let Some((index, body)) = requests.iter().filter(|(_, body)| body["type"] == *type_).nth(nth) else {
            assert_eq!(type_, "discover-peers", "{case}");
            continue;
        };
        let mut wanted = go["body"].clone();
        wanted["id"] = json!(plan.tasks[*index].id);
        if type_ == "config-apply" {
            let stored = plan.tasks[*index].params.as_ref().unwrap();
            wanted["params"]["incremental"] = json!(stored.get("incremental").is_some());
            wanted["params"]["overrides"] = stored["overrides"].clone();
            wanted["params"]["overrides"]["network.p2p.persistent_peers"] = json!(fixed_peers(node));
        }
        assert_eq!(*body, wanted, "{case}");
    }
    let of_sidecar = plan.tasks.iter().filter(|task| SIDECAR.contains(&task.type_.as_str())).count();
    assert_eq!(requests.len(), of_sidecar, "{case}: one request for each task of the sidecar");
}

/// The addresses that `spec.peers` lists.
fn fixed_peers(node: &SeiNode) -> String {
    let sources = node.spec.peers.iter().flatten().filter_map(|source| source.static_.as_ref());
    let mut addresses: Vec<_> = sources.flat_map(|fixed| fixed.addresses.clone()).collect();
    addresses.sort();
    addresses.join(",")
}
