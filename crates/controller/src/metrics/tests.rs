//! The registered metrics, as they are served.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::runtime::reflector::ObjectRef;
use prometheus_client::encoding::text::encode;
use sei_api::{
    conditions::{ConditionType, SidecarImageReason, TlsSecretReason},
    v1alpha1::PlanPhase,
};
use sei_decide::SeidStatus;
use sei_deployment::Halt;
use sei_testkit::metrics::documented;
use serde_json::json;

use super::*;
use crate::heights::{Awaited, SeidSource};

fn text(registry: &Registry) -> String {
    let mut text = String::new();
    encode(&mut text, registry).unwrap();
    text
}

fn node(name: &str) -> SeiNode {
    serde_json::from_value(json!({
        "metadata": { "name": name, "namespace": "pacific-1" },
        "spec": {
            "chainId": "pacific-1", "image": "seid:a", "fullNode": {},
            "sidecar": { "tls": { "secretName": "node-tls" } },
        },
    }))
    .unwrap()
}

fn group(name: &str) -> SeiNodeDeployment {
    let ready = json!({
        "type": "Ready", "status": "True", "reason": "AllNodesReady", "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    });
    serde_json::from_value(json!({
        "metadata": { "name": name, "namespace": "pacific-1" },
        "spec": { "template": { "spec": { "chainId": "pacific-1", "image": "seid:a", "fullNode": {} } } },
        "status": { "phase": "Ready", "conditions": [ready] },
    }))
    .unwrap()
}

fn task(name: &str) -> SeiNodeTask {
    serde_json::from_value(json!({
        "metadata": { "name": name, "namespace": "pacific-1" },
        "spec": { "nodeRef": { "name": "node-0" }, "restartSeid": {} },
        "status": { "phase": "Running" },
    }))
    .unwrap()
}

fn failed_task(name: &str) -> SeiNodeTask {
    let stalled = json!({
        "type": "Stalled", "status": "True", "reason": "TimedOut", "message": "m",
        "lastTransitionTime": "2027-01-01T00:00:00Z",
    });
    let status = json!({ "phase": "Failed", "operation": "restartSeid", "conditions": [stalled] });
    SeiNodeTask { status: serde_json::from_value(status).unwrap(), ..task(name) }
}

fn status(phase: &str, plan: &str, task: &str) -> SeiNodeStatus {
    serde_json::from_value(json!({
        "phase": phase,
        "phaseTransitionTime": "2026-01-01T00:00:00Z",
        "conditions": [{
            "type": "Ready", "status": "False", "reason": "PlanInProgress", "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }],
        "plan": {
            "id": "plan", "phase": plan, "createdAt": "2026-01-01T00:00:00Z",
            "tasks": [{ "type": "mark-ready", "id": "task", "status": task }],
        },
    }))
    .unwrap()
}

/// A task runs, the TLS Secret is no longer valid, and the sidecar has an older image.
fn waiting() -> SeiNodeStatus {
    let mut status = status("Running", "Active", "Pending");
    status.plan.as_mut().unwrap().tasks[0].submitted_at = Some(Time("2026-01-01T00:00:07Z".parse().unwrap()));
    let conditions = status.conditions.as_mut().unwrap();
    let mut outdated = conditions[0].clone();
    outdated.type_ = ConditionType::SidecarUpToDate.as_str().to_owned();
    outdated.reason = SidecarImageReason::WaitingForTurn.as_str().to_owned();
    conditions[0].type_ = ConditionType::SidecarTlsSecretReady.as_str().to_owned();
    conditions[0].reason = TlsSecretReason::Expired.as_str().to_owned();
    conditions.push(outdated);
    status
}

struct Known;

impl SeidSource for Known {
    fn seid(&self) -> Option<SeidStatus> {
        let latest_block = Some(Timestamp::UNIX_EPOCH);
        Some(SeidStatus { height: 7, catching_up: true, latest_block, peers: Some(3) })
    }

    fn await_halt(&self, _: Option<Awaited>) -> Halt {
        Halt::Unknown
    }
}

#[test]
fn heights_are_served_for_as_long_as_something_asks_for_them() {
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let source: Arc<dyn SeidSource> = Arc::new(Known);
    metrics.heights().add(&ObjectRef::new("node-0").within("pacific-1"), Arc::downgrade(&source));
    let series = "sei_controller_seinode_height{namespace=\"pacific-1\",name=\"node-0\"} 7";
    assert!(text(&registry).contains(series), "{}", text(&registry));
    drop(source);
    assert!(!text(&registry).contains("node-0"), "{}", text(&registry));
}

#[test]
fn every_metric_that_is_served_is_documented() {
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    // A metric without samples is not served.
    let (before, after) = (status("Initializing", "Active", "Pending"), status("Failed", "Failed", "Failed"));
    let mut node = node("node-0");
    node.status = Some(after.clone());
    let now = "2026-01-01T00:01:00Z".parse().unwrap();
    metrics.observe_node(&node, Some(now));
    metrics.observe_status(&node, &before, &after, now);
    node.status = Some(waiting());
    metrics.observe_node(&node, Some(now));
    metrics.probed("pacific-1", Some(Health::Ready));
    metrics.called("submit", None, Duration::from_millis(5));
    metrics.reverted("pacific-1", "Service");
    metrics.observe_group(&group("rpc"));
    metrics.observe_task(&failed_task("restart"));
    for controller in [Controller::Nodes, Controller::Groups, Controller::Tasks] {
        metrics.unreadable(controller, "pacific-1", "node-1", true);
    }
    let source: Arc<dyn SeidSource> = Arc::new(Known);
    metrics.heights().add(&ObjectRef::new("node-0").within("pacific-1"), Arc::downgrade(&source));
    metrics.workers(Controller::Nodes, 32);
    drop(metrics.started(Controller::Nodes));
    metrics.ended(Controller::Nodes, Some("conflict"), Duration::from_millis(5));
    metrics.watch("Pod").failed();
    let documented = documented().into_iter().filter(|metric| {
        // The other metrics belong to the process.
        let prefixes = ["sei_controller_", "controller_runtime_", "workqueue_"];
        prefixes.iter().any(|prefix| metric.name.starts_with(prefix))
    });
    assert_eq!(sei_testkit::metrics::served(&text(&registry)), documented.collect());
}

#[test]
fn the_series_of_a_node_are_removed_with_it() {
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let mut node = node("node-0");
    node.status = Some(status("Failed", "Failed", "Failed"));
    metrics.observe_node(&node, Some(Timestamp::UNIX_EPOCH));
    metrics.unreadable(Controller::Nodes, "pacific-1", "node-0", true);
    assert!(text(&registry).contains("node-0"));
    metrics.forget(Controller::Nodes, "pacific-1", "node-0");
    assert!(!text(&registry).contains("node-0"), "{}", text(&registry));
}

#[test]
fn a_node_shows_its_running_task_and_the_current_reasons_and_no_earlier_ones() {
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let mut node = node("node-0");
    let series = || {
        let text = text(&registry);
        let lines = text.lines().filter(|line| line.contains("task_start") || line.contains("_reason{"));
        let lines = lines.filter_map(|line| line.strip_prefix("sei_controller_seinode_"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    node.status = Some(waiting());
    metrics.observe_node(&node, None);
    assert_eq!(
        series(),
        [
            r#"tls_secret_reason{namespace="pacific-1",name="node-0",reason="TLSSecretExpired"} 1"#,
            r#"sidecar_image_reason{namespace="pacific-1",name="node-0",reason="WaitingForTurn"} 1"#,
            r#"task_start_timestamp_seconds{namespace="pacific-1",name="node-0"} 1767225607"#,
        ]
    );
    let status = node.status.as_mut().unwrap();
    status.plan.as_mut().unwrap().phase = PlanPhase::Complete;
    let conditions = status.conditions.as_mut().unwrap();
    conditions.truncate(1);
    conditions[0].reason = TlsSecretReason::Ready.as_str().to_owned();
    metrics.observe_node(&node, None);
    assert_eq!(
        series(),
        [r#"tls_secret_reason{namespace="pacific-1",name="node-0",reason="TLSSecretReady"} 1"#]
    );
    metrics.forget(Controller::Nodes, "pacific-1", "node-0");
    assert_eq!(series(), Vec::<String>::new());
}

#[test]
fn a_group_has_its_phase_and_counts_until_it_is_removed() {
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    metrics.observe_group(&group("rpc"));
    metrics.unreadable(Controller::Groups, "pacific-1", "rpc", true);
    for series in [
        "seinodedeployment_phase{namespace=\"pacific-1\",name=\"rpc\",phase=\"Ready\"} 1",
        "seinodedeployment_replicas{namespace=\"pacific-1\",name=\"rpc\",replica_state=\"desired\"} 1",
    ] {
        assert!(text(&registry).contains(series), "{}", text(&registry));
    }
    metrics.forget(Controller::Groups, "pacific-1", "rpc");
    assert!(!text(&registry).contains("rpc"), "{}", text(&registry));
}

#[test]
fn a_task_has_its_phase_until_it_is_removed() {
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    metrics.observe_task(&task("restart"));
    metrics.unreadable(Controller::Tasks, "pacific-1", "restart", true);
    let series = "seinodetask_phase{namespace=\"pacific-1\",name=\"restart\",phase=\"Running\"} 1";
    assert!(text(&registry).contains(series), "{}", text(&registry));
    metrics.forget(Controller::Tasks, "pacific-1", "restart");
    assert!(!text(&registry).contains("restart"), "{}", text(&registry));
}

#[test]
fn a_failed_task_has_the_reason_until_it_is_removed() {
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let failed = failed_task("restart");
    metrics.observe_task(&failed);
    let labels = r#"name="restart",node="node-0",operation="restartSeid",reason="TimedOut""#;
    let series = format!("seinodetask_failed{{namespace=\"pacific-1\",{labels}}} 1");
    assert!(text(&registry).contains(&series), "{}", text(&registry));
    metrics.forget(Controller::Tasks, "pacific-1", "restart");
    assert!(!text(&registry).contains("restart"), "{}", text(&registry));
}

#[test]
fn a_watch_counts_as_failing_until_it_works_or_ends() {
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let (mut first, mut second) = (metrics.watch("Secret"), metrics.watch("Secret"));
    first.failed();
    first.failed();
    second.failed();
    assert!(text(&registry).contains("sei_controller_watches_failing{kind=\"Secret\"} 2"));
    assert!(text(&registry).contains("sei_controller_watch_errors_total{kind=\"Secret\"} 3"));
    first.works();
    drop(second);
    assert!(text(&registry).contains("sei_controller_watches_failing{kind=\"Secret\"} 0"));
}
