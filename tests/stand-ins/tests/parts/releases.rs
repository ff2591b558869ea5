//! Differences between releases of the sidecar, and what a volume remembers.

use http::{Method, StatusCode};
use sei_testkit::sidecar::Generation;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    harness::{CHAIN, TestSidecar},
    process::eventually,
};

const FULL: &str = "full";

#[tokio::test]
async fn a_probe_detects_the_task_types_of_a_release() {
    for generation in Generation::ALL {
        for bed in TestSidecar::both(generation).await {
            for type_ in Generation::task_types() {
                let answer = bed.post(&json!({ "type": type_, "id": "probe" })).await;
                assert_eq!(answer.status, StatusCode::BAD_REQUEST);
                let known = answer.body.contains("must be a valid UUID");
                assert_eq!(known, generation.knows(type_), "{} {generation}: {type_}", bed.name);
            }
            assert_eq!(bed.get("/v0/tasks").await.body, "[]\n", "{} {generation}", bed.name);
            let startupz = bed.get("/v0/startupz").await.status;
            assert_eq!(startupz == 404, generation < Generation::V50, "{} {generation}", bed.name);
        }
    }
}

#[tokio::test]
async fn run_once_tasks_are_recorded_on_the_volume() {
    for mut bed in TestSidecar::both(Generation::V57).await {
        let peer = json!({ "mode": FULL, "overrides": { "network.p2p.persistent_peers": "ab@127.0.0.1:1" } });
        bed.done("config-apply", peer.clone()).await;
        let failed = bed.done("configure-state-sync", json!({ "rpcServers": ["127.0.0.1:1"] })).await;
        let unreachable = failed["error"] == "no reachable RPC witness among [127.0.0.1:1]";
        // Everything outside the simulated cluster responds.
        assert_eq!(unreachable, bed.name == "process", "{}: {failed}", bed.name);
        bed.home.write(".sei-sidecar-statesync-done", "").unwrap();
        assert_eq!(bed.done("configure-state-sync", json!({})).await["status"], "completed", "{}", bed.name);

        // A full configuration disables state sync, and the marker keeps it disabled. An incremental one
        // preserves it.
        for incremental in [true, false] {
            bed.done(
                "config-patch",
                json!({ "files": { "config.toml": { "statesync": { "enable": true } } } }),
            )
            .await;
            bed.done("config-apply", json!({ "mode": FULL, "incremental": incremental })).await;
            bed.done("configure-state-sync", json!({})).await;
            let config = bed.home.read("config/config.toml").unwrap().unwrap();
            assert_eq!(config.contains("enable = true"), incremental, "{}: {config}", bed.name);
            assert_eq!(config.contains("ab@127.0.0.1:1"), incremental, "{}: {config}", bed.name);
        }
        bed.restart();
        assert_eq!(bed.done("configure-state-sync", json!({})).await["status"], "completed", "{}", bed.name);
    }
}

#[tokio::test]
async fn a_full_configuration_splits_the_store_from_v0_0_67_on() {
    let key = "storage.state_store.evm_ss_split";
    for (generation, splits) in [(Generation::V66, false), (Generation::V67, true)] {
        for bed in TestSidecar::both(generation).await {
            let is_split = async || {
                let app = bed.home.read("config/app.toml").unwrap().unwrap();
                app.contains("evm_ss_split\" = \"true\"")
            };
            bed.done("config-apply", json!({ "mode": "archive" })).await;
            assert!(!is_split().await, "{} {generation}: only in mode full", bed.name);
            bed.done("config-apply", json!({ "mode": FULL })).await;
            assert_eq!(is_split().await, splits, "{} {generation}", bed.name);
            let off = bed.done("config-apply", json!({ "mode": FULL, "overrides": { key: "false" } })).await;
            assert_eq!(off["status"] == "completed", splits, "{} {generation}: {off}", bed.name);
            assert!(!is_split().await || !splits, "{} {generation}", bed.name);
            let store = json!({ "mode": FULL, "overrides": { "storage.state_store.enable": "false" } });
            let refused = bed.done("config-apply", store).await["status"] == "failed";
            assert_eq!(refused, splits, "{} {generation}", bed.name);
        }
    }
}

#[tokio::test]
async fn an_id_identifies_one_task_regardless_of_later_submissions() {
    for bed in TestSidecar::both(Generation::V61).await {
        let id = Uuid::new_v4().to_string();
        for run in [1, 2] {
            // A failed task runs again, with the new parameters.
            bed.post(&json!({ "id": id, "type": "config-reload", "params": { "fields": { "no": run.to_string() } } })).await;
            let record = bed.ended(&id).await;
            assert_eq!((&record["run"], &record["status"]), (&json!(run), &json!("failed")), "{}", bed.name);
            assert_eq!(record["params"]["fields"]["no"], run.to_string(), "{}", bed.name);
        }
        bed.post(&json!({ "id": id, "type": "mark-ready" })).await;
        assert_eq!(bed.ended(&id).await["run"], 3, "{}: the type is not compared", bed.name);
        bed.post(&json!({ "id": id, "type": "config-validate" })).await;
        assert_eq!(
            bed.record(&id).await["type"],
            "mark-ready",
            "{}: a completed task is not changed",
            bed.name
        );
    }
}

#[tokio::test]
async fn running_tasks_run_again_after_a_restart() {
    for mut bed in TestSidecar::both(Generation::V61).await {
        let (upload, ready) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
        bed.post(&json!({ "id": upload, "type": "snapshot-upload" })).await;
        bed.post(&json!({ "id": ready, "type": "mark-ready" })).await;
        bed.ended(&ready).await;
        assert!(bed.is_ready().await, "{}", bed.name);
        bed.restart();
        assert!(!bed.is_ready().await, "{}: readiness is not kept", bed.name);
        let statuses = bed.statuses().await;
        assert_eq!((statuses[&upload].as_str(), statuses[&ready].as_str()), ("running", "completed"));
        assert_eq!(bed.record(&upload).await["run"], 1, "{}", bed.name);
        bed.post(&json!({ "id": ready, "type": "mark-ready" })).await;
        assert!(!bed.is_ready().await, "{}: a completed ID does not make it ready", bed.name);
    }
}

#[tokio::test]
async fn results_are_recorded_from_v0_0_59_on_and_of_failures_from_v0_0_61_on() {
    for (generation, of_success, of_failure) in
        [(Generation::V57, false, false), (Generation::V59, true, false), (Generation::V64, true, true)]
    {
        for bed in TestSidecar::both(generation).await {
            let vote = json!({
                "chainId": CHAIN, "keyName": "k", "fees": "1usei", "gas": 1, "proposalId": 1, "option": "yes",
            });
            // Only the simulator has a seid.
            if bed.name != "simulator" {
                continue;
            }
            bed.done("generate-identity", json!({ "chainId": CHAIN, "moniker": "m" })).await;
            bed.done("mark-ready", json!({})).await;
            let voted = bed.done("gov-vote", vote).await;
            let status = voted["result"]["inclusionStatus"] == "committed_ok";
            assert_eq!(status, of_success, "{generation}: {voted}");
            if generation.knows("reset-data") {
                let refused = bed.done("reset-data", json!({})).await;
                assert_eq!(refused["result"]["wipedBytes"] == 0, of_failure, "{refused}");
            }
        }
    }
}

#[tokio::test]
async fn a_hold_survives_a_restart_and_ends_with_a_new_mark_ready() {
    for mut bed in TestSidecar::both(Generation::V64).await {
        let ready = Uuid::new_v4().to_string();
        bed.post(&json!({ "id": ready, "type": "mark-ready" })).await;
        bed.ended(&ready).await;
        bed.done("mark-not-ready", json!({})).await;
        assert!(!bed.is_ready().await, "{}", bed.name);
        assert_eq!(bed.record(&ready).await, Value::Null, "{}: its record is deleted", bed.name);
        bed.restart();
        assert!(!bed.is_ready().await, "{}", bed.name);
        bed.post(&json!({ "id": ready, "type": "mark-ready" })).await;
        eventually("ready", async || bed.is_ready().await).await;
    }
}

#[tokio::test]
async fn a_delete_cancels_the_handler_from_v0_0_66_on() {
    for (generation, cancels) in [(Generation::V64, false), (Generation::V66, true)] {
        for mut bed in TestSidecar::both(generation).await {
            bed.done("generate-identity", json!({ "chainId": CHAIN, "moniker": "m" })).await;
            let id = Uuid::new_v4().to_string();
            bed.post(&json!({ "id": id, "type": "await-condition", "params": { "condition": "height", "targetHeight": 1 } })).await;
            let path = format!("/v0/tasks/{id}");
            assert_eq!(
                bed.ask(Method::DELETE, &path, &[], "").await.status,
                204,
                "{} {generation}",
                bed.name
            );
            assert_eq!(
                bed.ask(Method::DELETE, &path, &[], "").await.status,
                404,
                "{} {generation}",
                bed.name
            );
            if bed.name == "simulator" {
                // The seid next to it responds now, so that a handler that is still running ends and writes
                // its record.
                bed.done("mark-ready", json!({})).await;
                if cancels {
                    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
                    assert_eq!(bed.record(&id).await, Value::Null, "{generation}: it was cancelled");
                } else {
                    eventually("written again", async || bed.record(&id).await["status"] == "completed")
                        .await;
                }
            }
            bed.restart();
        }
    }
}

#[tokio::test]
async fn a_release_without_discover_peers_fails_one_that_was_running() {
    let id = Uuid::new_v4().to_string();
    let record = json!([{
        "id": id, "type": "discover-peers", "status": "running", "run": 1, "submittedAt": "2026-01-01T00:00:00Z",
    }]);
    let mut bed = TestSidecar::process(Generation::V57);
    bed.get("/v0/livez").await;
    bed.terminate();
    bed.home.write_json("sidecar.db", &record).unwrap();
    bed.start();
    let ended = bed.ended(&id).await;
    assert_eq!(ended["error"], "no handler registered for task type", "{ended}");
}

#[tokio::test]
async fn at_a_start_a_hold_supersedes_a_mark_ready_that_is_not_newer() {
    let (hold, ready) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
    let record = |id: &str, type_: &str, status: &str, at: &str| json!({ "id": id, "type": type_, "status": status, "run": 1, "submittedAt": format!("2026-01-01T00:00:{at}Z") });
    for (generation, superseded) in [(Generation::V61, false), (Generation::V64, true)] {
        let mut bed = TestSidecar::process(generation);
        bed.get("/v0/livez").await;
        bed.terminate();
        let records = [
            record(&hold, "mark-not-ready", "completed", "02"),
            record(&ready, "mark-ready", "running", "01"),
        ];
        bed.home.write_json("sidecar.db", &json!(records)).unwrap();
        bed.start();
        let ended = bed.ended(&ready).await;
        assert_eq!(ended["error"] == "superseded by hold", superseded, "{generation}: {ended}");
        assert_eq!(bed.is_ready().await, !superseded, "{generation}");
    }
}
