//! The screens, as snapshot files.

use jiff::Timestamp;
use sei_report::{Around, Fleet, NodeReport};
use serde_json::{Value, json};

use super::{fleet_screen::fleet, node_screen::node, screen::Look};

fn now() -> Timestamp {
    "2030-01-01T12:00:00Z".parse().unwrap()
}

fn condition(type_: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({ "type": type_, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": "2030-01-01T11:58:00Z" })
}

fn object(name: &str, spec: Value, status: Value) -> Value {
    let mut object = json!({
        "apiVersion": "sei.io/v1alpha1", "kind": "SeiNode",
        "metadata": { "name": name, "namespace": "pacific-1", "creationTimestamp": "2030-01-01T11:30:00Z",
            "labels": { "sei.io/nodedeployment": "rpc" } },
        "spec": { "chainId": "pacific-1", "image": "seid:v6.4.1", "fullNode": {} },
        "status": status,
    });
    object["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    object
}

fn running() -> Value {
    let conditions = [condition("Ready", "True", "NodeReady", "the node is running and matches its spec")];
    object(
        "rpc-0",
        json!({}),
        json!({ "phase": "Running", "currentImage": "seid:v6.4.0", "conditions": conditions }),
    )
}

fn starting() -> Value {
    let tls = json!({ "sidecar": { "tls": { "secretName": "rpc-1-tls" } } });
    let task = |type_: &str, status: &str, more: Value| {
        let mut task = json!({ "type": type_, "id": type_, "status": status });
        task.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        task
    };
    let started = json!({ "submittedAt": "2030-01-01T11:57:00Z" });
    let retrying = json!({ "submittedAt": "2030-01-01T11:59:30Z", "error": "S3: \u{1b}[31mslow\ndown", "maxRetries": 180,
        "retryCount": 4, "nextAttemptAt": "2030-01-01T12:00:10Z" });
    let tasks = [
        task("ensure-data-pvc", "Complete", started.clone()),
        task("apply-statefulset", "Complete", started),
        task("configure-genesis", "Pending", retrying),
        task("mark-ready", "Pending", json!({})),
    ];
    let message =
        "task configure-genesis (3 of 4) failed and will be retried at 2030-01-01T12:00:10Z: S3: slow down";
    let conditions = [
        condition("Ready", "False", "TaskRetrying", message),
        condition(
            "SidecarTLSSecretReady",
            "True",
            "TLSSecretReady",
            "Secret rpc-1-tls is valid until 2030-03-01",
        ),
    ];
    let plan = json!({ "id": "p", "phase": "Active", "targetPhase": "Running", "tasks": tasks,
        "createdAt": "2030-01-01T11:56:00Z" });
    let names = ["rpc-1.pacific-1.svc.cluster.local", "rpc-1-0.rpc-1.pacific-1.svc.cluster.local"];
    let certificate = json!({ "issuer": "CN=sei-sidecar-ca", "notAfter": "2030-03-01T00:00:00Z" });
    let published =
        json!({ "secretName": "rpc-1-tls", "requiredDNSNames": names, "certificate": certificate });
    let status = json!({
        "phase": "Initializing", "plan": plan, "conditions": conditions, "resolvedPeers": ["a", "b"],
        "sidecarTLS": published,
    });
    object("rpc-1", tls, status)
}

fn stalled() -> Value {
    let message = "task config-apply failed: unknown override key; change the spec, or set annotation sei.io/retry to a new value to retry";
    let conditions = [
        condition("Ready", "False", "PlanFailed", message),
        condition("Stalled", "True", "PlanFailed", message),
    ];
    object("rpc-2", json!({}), json!({ "phase": "Failed", "conditions": conditions }))
}

fn group() -> Value {
    json!({
        "metadata": { "name": "rpc", "namespace": "pacific-1", "creationTimestamp": "2029-12-01T00:00:00Z" },
        "spec": { "replicas": 3, "template": { "spec": { "chainId": "pacific-1", "image": "seid:v6.4.1", "fullNode": {} } } },
        "status": { "phase": "Upgrading", "updatedReplicas": 1, "availableReplicas": 2, "conditions": [
            condition("Ready", "False", "UpdateInProgress", "waiting for rpc-1: TaskRetrying"),
        ] },
    })
}

#[test]
fn a_fleet_is_shown_as_a_table() {
    let found = Fleet::of(&[stalled(), running(), starting()], &[group()]);
    insta::assert_snapshot!(fleet(&found, &Look::default(), now()));
}

#[test]
fn a_fleet_is_shown_with_every_column() {
    let found = Fleet::of(&[stalled(), running(), starting()], &[group()]);
    let look = Look { wide: true, namespaces: true, ..Look::default() };
    insta::assert_snapshot!(fleet(&found, &look, now()));
}

#[test]
fn a_live_fleet_shows_first_what_needs_attention() {
    let found = Fleet::of(&[stalled(), running(), starting()], &[group()]);
    let look = Look { urgent_first: true, ..Look::default() };
    insta::assert_snapshot!(fleet(&found, &look, now()));
}

#[test]
fn an_empty_fleet_says_where_to_look() {
    insta::assert_snapshot!(fleet(&Fleet::default(), &Look::default(), now()), @"no SeiNodes found; --all-namespaces shows those of every namespace");
}

#[test]
fn a_starting_node_is_shown() {
    let pod = json!({
        "metadata": { "name": "rpc-1-0", "creationTimestamp": "2030-01-01T11:57:00Z" }, "spec": { "nodeName": "m5-large-7", "containers": [] },
        "status": { "phase": "Running", "containerStatuses": [
            { "name": "seid", "image": "i", "imageID": "", "ready": false, "restartCount": 0, "state": { "running": {} } },
            { "name": "sei-sidecar", "image": "i", "imageID": "", "ready": true, "restartCount": 2, "state": { "running": {} } },
        ] },
    });
    let claim = json!({
        "metadata": { "name": "data-rpc-1" }, "spec": { "volumeName": "pv-7" },
        "status": { "phase": "Bound", "capacity": { "storage": "2000Gi" } },
    });
    let event = |at: &str, reason: &str| {
        json!({ "metadata": {}, "involvedObject": { "kind": "SeiNode", "name": "rpc-1" }, "type": "Normal",
            "reason": reason, "message": format!("{reason}."), "eventTime": at })
    };
    let events = json!([
        event("2030-01-01T11:58:00.000000Z", "TaskRetrying"),
        event("2030-01-01T11:56:00.000000Z", "PlanCreated")
    ]);
    let around = Around {
        pod: serde_json::from_value(pod).unwrap(),
        claim: serde_json::from_value(claim).unwrap(),
        events: serde_json::from_value(events).unwrap(),
        hidden: vec![],
    };
    insta::assert_snapshot!(node(&NodeReport::of(&starting(), &around), &Look::default(), now()));
}

#[test]
fn a_node_that_needs_manual_intervention_is_shown() {
    let around = Around { hidden: vec!["pods", "events"], ..Around::default() };
    insta::assert_snapshot!(node(&NodeReport::of(&stalled(), &around), &Look::default(), now()));
}

#[test]
fn a_secret_that_cannot_be_used_is_named_with_what_to_do() {
    let message = "Secret rpc-3-tls: the certificate does not cover every required DNS name";
    let conditions = [
        condition("Ready", "False", "WaitingForTLSSecret", message),
        condition("SidecarTLSSecretReady", "False", "TLSSecretSANsMismatch", message),
    ];
    let spec = json!({ "sidecar": { "tls": { "secretName": "rpc-3-tls" } } });
    let broken = object("rpc-3", spec, json!({ "phase": "Running", "conditions": conditions }));
    let all = fleet(&Fleet::of(&[running(), broken.clone()], &[]), &Look::default(), now());
    assert!(
        all.ends_with(&format!("TLS Secrets that cannot be used:\n  SeiNode pacific-1/rpc-3: {message}\n")),
        "{all}"
    );
    let one = node(&NodeReport::of(&broken, &Around::default()), &Look::default(), now());
    let next = "next: repair Secret pacific-1/rpc-3-tls as docs/troubleshooting.md says in \"Repairing a TLS Secret\"";
    assert!(one.contains(next), "{one}");
}
