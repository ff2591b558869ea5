//! SeiNodes with a stored status that the operator would not write: each runs or says what is wrong, and none blocks others.

use std::time::{Duration, Instant};

use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use sei_api::SeiNode;
use sei_testkit::{
    api_proxy::ApiProxy,
    builders,
    cluster::{self, NAMESPACE},
};
use serde_json::{Value, json};

use crate::{
    harness::{self, eventually, is_running, until},
    later_go_controller::accept_anything,
    unreadable::{condition, raw},
};

const A: &str = "ghcr.io/sei-protocol/sei:a";

enum Expect {
    Runs,
    /// Condition Stalled starts with this text.
    Stalled(&'static str),
    /// Its conditions cannot be written.
    Logged(&'static str),
}

use Expect::{Logged, Runs, Stalled};

/// Statuses by the name of their node.
fn statuses() -> Vec<(&'static str, Value, Expect)> {
    let pending = |type_: &str| json!({ "id": "t", "type": type_, "status": "Pending" });
    let with = |field: &str, value: Value| {
        let mut task = pending("config-apply");
        task[field] = value;
        task
    };
    let plan = |tasks: Value| json!({ "plan": { "id": "p", "phase": "Active", "targetPhase": "Running", "tasks": tasks } });
    let said = |type_: &str, status: &str, since: &str, message: &str| json!({ "type": type_, "status": status, "reason": "R", "message": message, "lastTransitionTime": since });
    let since = "2026-01-01T00:00:00Z";
    let conditions = |conditions: Vec<Value>| json!({ "conditions": conditions });
    let large = (0..40).map(|index| said(&format!("T{index}"), "True", since, &"x".repeat(20_000))).collect();
    let failed = json!({ "phase": "Failed", "tasks": [pending("unknown-task")], "failedTaskDetail": {
        "id": "t", "type": "unknown-task", "error": "x".repeat(300_000), "retryCount": 3, "maxRetries": 3,
    } });
    vec![
        ("absent", Value::Null, Runs),
        ("empty", json!({}), Runs),
        ("paused", json!({ "phase": "Paused" }), Runs),
        ("terminating", json!({ "phase": "Terminating" }), Runs),
        ("phase-unknown", json!({ "phase": "Resting" }), Stalled("StatusUnknown: status.phase")),
        (
            "phase-number",
            json!({ "phase": 7 }),
            Stalled("Unreadable: this SeiNode cannot be decoded and is not reconciled: status.phase"),
        ),
        ("task-unknown", plan(json!([pending("ensure-data-pvc"), pending("unknown-task")])), Runs),
        ("task-twice", plan(json!([pending("config-apply"), pending("config-apply")])), Runs),
        ("task-params", plan(json!([with("params", json!("all"))])), Runs),
        ("task-retries", plan(json!([with("retryCount", json!(-1))])), Runs),
        ("task-time", plan(json!([with("submittedAt", json!("soon"))])), Runs),
        (
            "task-status",
            plan(json!([with("status", json!("Skipped"))])),
            Stalled("StatusUnknown: status.plan.tasks"),
        ),
        (
            "plan-phase",
            json!({ "plan": { "phase": "Suspended", "tasks": [] } }),
            Stalled("StatusUnknown: status.plan.phase"),
        ),
        ("plan-text", json!({ "plan": "init" }), Stalled("Unreadable: ")),
        ("plan-partial", json!({ "plan": { "phase": "Active" } }), Stalled("Unreadable: ")),
        (
            "plan-failed",
            json!({ "phase": "Failed", "plan": failed }),
            Stalled("PlanFailed: task unknown-task failed"),
        ),
        ("conditions-text", json!({ "conditions": "none" }), Logged("status.conditions")),
        ("conditions-large", conditions(large), Runs),
        (
            "conditions-twice",
            conditions(vec![said("Ready", "True", since, ""), said("Ready", "False", since, "")]),
            Runs,
        ),
        ("condition-status", conditions(vec![said("Ready", "true", since, "")]), Runs),
        ("condition-time", conditions(vec![said("Ready", "True", "yesterday", "")]), Runs),
        ("generation", json!({ "observedGeneration": -5 }), Runs),
        ("secret", json!({ "sidecarTLS": { "secretName": 5 } }), Stalled("Unreadable: ")),
        ("later", json!({ "currentSidecarImage": "s", "rollout": { "step": 3 } }), Runs),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_an_odd_status_runs_or_is_reported_and_blocks_no_other() {
    let cluster = harness::cluster().await.not_reused();
    let nodes = raw::<SeiNode>(&cluster);
    accept_anything(&cluster).await;
    for (name, status, _) in statuses() {
        let object = json!({
            "apiVersion": "sei.io/v1alpha1", "kind": "SeiNode",
            "metadata": { "name": name, "namespace": NAMESPACE }, "spec": builders::full_node(A),
        });
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        nodes.create(&PostParams::default(), &object).await.unwrap();
        let patch = Patch::Merge(json!({ "status": status }));
        eventually("the CRD that accepts anything is served", || async {
            let stored = nodes.patch_status(name, &PatchParams::default(), &patch).await;
            stored.is_ok_and(|stored| status.is_null() || stored.data["status"] == status)
        })
        .await;
    }
    cluster::install_crds(&cluster.client).await.unwrap();

    let proxy = ApiProxy::in_front_of(&cluster).await.unwrap();
    let operator = harness::operator(&cluster);
    harness::create(&cluster, "good", builders::full_node(A)).await;
    until(&cluster, "good", "Running", is_running).await;
    for (name, _, expect) in statuses() {
        eventually(name, || async {
            let node = nodes.get(name).await.unwrap();
            match expect {
                Runs => node.data["status"]["phase"] == "Running",
                Stalled(start) => condition(&node, "Stalled").is_some_and(|said| said.starts_with(start)),
                Logged(part) => {
                    let of_node = format!("\"name\":\"{name}\"");
                    operator.log().lines().any(|line| line.contains(&of_node) && line.contains(part))
                }
            }
        })
        .await;
    }
    // What is reported once is not written again.
    let start = Instant::now();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let writes = proxy.writes_since(start);
    for (name, _, _) in statuses().iter().filter(|(_, _, expect)| !matches!(expect, Runs)) {
        assert!(
            !writes.iter().any(|write| write.path.contains(&format!("/seinodes/{name}"))),
            "{name} is written"
        );
    }
}
