//! seictl as a process: its settings, its records, and the files that it writes for seid.

use std::fs;

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    harness::seictl,
    process::{Process, ask, done, get, get_json, ports, submit},
};

#[tokio::test]
async fn a_node_is_configured_and_its_records_outlive_the_process() {
    let home = tempfile::tempdir().unwrap();
    let [port] = ports();
    // The last release with `discover-peers`.
    let seictl = || {
        let mut command = seictl(home.path(), port);
        command.env("SEICTL_RELEASE", "v0.0.56");
        command
    };
    let sidecar = Process::start(&mut seictl());
    assert_eq!(get(port, "/v0/livez").await, (StatusCode::OK, String::new()));
    assert_eq!(get(port, "/v0/healthz").await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(get(port, "/v0/node-id").await.0, StatusCode::INTERNAL_SERVER_ERROR);
    let absent = json!({ "sources": [{ "type": "dnsEndpoints", "endpoints": ["absent.invalid"] }] });
    let known = json!({ "sources": [{ "type": "static", "addresses": ["a@b:1"] }] });
    for (type_, params, status) in [
        ("generate-identity", json!({ "chainId": "arctic-1", "moniker": "x" }), "completed"),
        ("configure-genesis", json!(null), "completed"),
        ("config-validate", json!(null), "failed"),
        ("config-apply", json!({ "mode": "full", "overrides": { "chain.moniker": "x" } }), "completed"),
        ("config-apply", json!({ "mode": "odd" }), "failed"),
        ("discover-peers", absent, "failed"),
        ("configure-state-sync", json!(null), "failed"),
        ("discover-peers", known, "completed"),
        ("config-validate", json!(null), "completed"),
        ("mark-ready", json!(null), "completed"),
    ] {
        assert_eq!(done(port, type_, params).await["status"], status, "{type_}");
    }
    let genesis = fs::read_to_string(home.path().join("config/genesis.json")).unwrap();
    assert!(genesis.contains("arctic-1"));
    assert!(fs::read_to_string(home.path().join("config/config.toml")).unwrap().contains("a@b:1"));
    assert_eq!(get_json(port, "/v0/node-id").await["nodeId"].as_str().unwrap().len(), 40);
    assert_eq!(get(port, "/v0/healthz").await.0, StatusCode::OK);
    let upload = Uuid::new_v4();
    submit(port, json!({ "id": upload, "type": "snapshot-upload" })).await;
    let (code, _) = sidecar.terminate();
    assert_eq!(code, 0);

    let _again = Process::start(&mut seictl());
    let records = get_json(port, "/v0/tasks").await;
    assert_eq!(records.as_array().unwrap().len(), 11);
    assert_eq!(records[0]["type"], "snapshot-upload", "newest first");
    assert_eq!((&records[0]["status"], &records[0]["run"]), (&json!("running"), &json!(1)));
    assert_eq!(get(port, "/v0/healthz").await.0, StatusCode::SERVICE_UNAVAILABLE, "readiness is not kept");
}

#[tokio::test]
async fn behind_a_proxy_exactly_one_user_is_required_and_logged() {
    let home = tempfile::tempdir().unwrap();
    let [port] = ports();
    let mut command = seictl(home.path(), port);
    let sidecar = Process::start(command.env("SEI_SIDECAR_AUTHN_MODE", " Trusted-Header "));
    let refused = |error: &str| (401, format!("{}\n", json!({ "error": error })));
    for (users, (status, body)) in [
        (&[][..], refused("missing X-Remote-User header")),
        (&["anna"][..], (200, "{\"status\":\"Initializing\"}\n".to_owned())),
        (&[" "][..], refused("empty X-Remote-User header")),
        (
            &["anna", "berta"][..],
            refused("expected exactly one X-Remote-User header — proxy must overwrite, not append"),
        ),
    ] {
        let request = || {
            let mut request = Request::get(format!("http://127.0.0.1:{port}/v0/status"));
            for user in users {
                request = request.header("X-Remote-User", *user);
            }
            request.header("Authorization", "Bearer t").body(Body::empty()).unwrap()
        };
        let answer = ask(request).await;
        assert_eq!((answer.0.as_u16(), answer.1), (status, body), "{users:?}");
    }
    assert_eq!(get(port, "/v0/healthz").await.0, StatusCode::SERVICE_UNAVAILABLE, "this path needs no user");
    let (_, output) = sidecar.terminate();
    let lines: Vec<Value> = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["address"], format!("127.0.0.1:{port}"));
    let one = lines.iter().find(|line| line["users"] == json!(["anna"])).unwrap();
    assert_eq!((&one["authorization"], &one["status"]), (&json!(true), &json!(200)));
}

#[test]
fn seictl_exits_on_a_missing_or_invalid_setting() {
    let home = tempfile::tempdir().unwrap();
    for (name, value) in [
        ("SEI_GENESIS_BUCKET", ""),
        ("SEI_SNAPSHOT_REGION", ""),
        ("SEI_CHAIN_ID", ""),
        ("SEI_SIDECAR_AUTHN_MODE", "maybe"),
    ] {
        let [port] = ports();
        let output = seictl(home.path(), port).env(name, value).output().unwrap();
        assert!(!output.status.success());
        assert!(String::from_utf8_lossy(&output.stderr).contains(name), "{output:?}");
    }
}
