//! The effects of tasks in the home and in buckets, without a server.
#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

mod bed;
mod governance;

use std::time::Duration;

use sei_testkit::sidecar::{Answer, Bucket, Failure, Generation, Outcome, Unreachable, World};
use serde_json::{Value, json};

use bed::Bed;

/// An environment in which at most one address responds.
struct Only(Option<&'static str>);

impl World for Only {
    fn rpc(&self, address: &str, _: &str) -> Answer<Value> {
        let answers = self.0 == Some(address);
        Box::pin(async move {
            let answer = json!({
                "sync_info": { "latest_block_height": "5000", "catching_up": false },
                "block_id": { "hash": "AB" },
            });
            answers.then_some(answer).ok_or_else(|| "connection refused".to_owned())
        })
    }

    fn instances(&self) -> Answer<Vec<String>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn stop_seid(&self) -> Answer<()> {
        Box::pin(async { Ok(()) })
    }
}

/// A bucket with the same object under every key, and an empty list of keys.
struct One(&'static str);

impl Bucket for One {
    fn get(&self, _: &str) -> Answer<Option<Vec<u8>>> {
        let content = self.0.as_bytes().to_vec();
        Box::pin(async { Ok(Some(content)) })
    }

    fn put(&self, _: &str, _: Vec<u8>) -> Answer<()> {
        Box::pin(async { Ok(()) })
    }

    fn list(&self, _: &str) -> Answer<Vec<String>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

fn error(outcome: Outcome) -> String {
    let Err(Failure { error, .. }) = outcome else { panic!("it completed") };
    error
}

#[tokio::test]
async fn without_an_object_store_tasks_fail_without_a_marker() {
    let bed = Bed::new(Generation::V50, Unreachable { after: Duration::ZERO }, Only(None));
    bed.run("generate-identity", json!({ "chainId": "c", "moniker": "m" })).await.unwrap();
    bed.run("generate-gentx", json!({ "chainId": "c", "stakingAmount": "1", "accountBalance": "2" }))
        .await
        .unwrap();
    for (type_, params, marker) in [
        ("snapshot-restore", json!({}), ".sei-sidecar-snapshot-done"),
        ("configure-genesis", json!({}), ".sei-sidecar-genesis-done"),
        ("upload-genesis-artifacts", json!({ "nodeName": "n" }), ".sei-sidecar-artifact-upload-done"),
        ("set-genesis-peers", json!({}), ""),
    ] {
        let error = error(bed.run(type_, params).await);
        assert!(error.starts_with(&format!("{type_}: S3: network error: ")), "{error}");
        assert!(error.contains("[hint: "), "{error}");
        assert!(marker.is_empty() || !bed.handlers.home.has(marker), "{type_}");
    }
}

#[tokio::test]
async fn a_genesis_is_checked_against_its_hash_from_v0_0_59_on() {
    let expected = json!({ "expectedGenesisHash": "0".repeat(64) });
    for (generation, checked) in [(Generation::V57, false), (Generation::V59, true)] {
        let bed = Bed::new(generation, One("{}"), Only(None));
        assert_eq!(bed.run("configure-genesis", expected.clone()).await.is_err(), checked, "{generation}");
        assert_eq!(bed.handlers.home.has("config/genesis.json"), !checked, "{generation}");
    }
}

#[tokio::test]
async fn state_sync_uses_the_witnesses_that_respond() {
    let params = json!({ "rpcServers": ["silent:26657", "rpc:26657"] });
    let bed = Bed::new(Generation::V56, One("{}"), Only(Some("rpc:26657")));
    bed.run("configure-state-sync", params.clone()).await.unwrap();
    let config = bed.config();
    assert!(config.contains(r#"rpc-servers = "rpc:26657,rpc:26657""#), "one is written twice: {config}");
    assert!(config.contains(r#"trust-height = "3000""#) && config.contains("enable = true"), "{config}");

    let bed = Bed::new(Generation::V56, One("{}"), Only(None));
    let error = error(bed.run("configure-state-sync", params.clone()).await);
    assert_eq!(error, "no reachable RPC witness among [silent:26657 rpc:26657]");

    // Before v0.0.55 the parameter is ignored, and only the first peer is queried.
    let bed = Bed::new(Generation::V50, One("{}"), Only(Some("first:26657")));
    let peers =
        json!({ "sources": [{ "type": "static", "addresses": ["a@first:1", "b@second:2", "c@third:3"] }] });
    bed.run("discover-peers", peers).await.unwrap();
    bed.run("configure-state-sync", params).await.unwrap();
    assert!(bed.config().contains(r#"rpc-servers = "first:26657,second:26657""#), "{}", bed.config());
}

#[tokio::test]
async fn a_reset_deletes_the_data_and_allows_state_sync_to_be_configured_again() {
    let bed = Bed::new(Generation::V64, One("{}"), Only(Some("rpc:26657")));
    let witnesses = json!({ "rpcServers": ["rpc:26657"] });
    bed.run("configure-state-sync", witnesses.clone()).await.unwrap();
    bed.handlers.home.write("data/blocks", "12345").unwrap();
    assert_eq!(bed.run("reset-data", json!({})).await.unwrap(), Some(json!({ "wipedBytes": 5 })));
    assert!(!bed.handlers.home.has("data/blocks") && bed.handlers.home.has("data/priv_validator_state.json"));
    bed.run("config-patch", json!({ "files": { "config.toml": { "statesync": null } } })).await.unwrap();
    bed.run("configure-state-sync", witnesses).await.unwrap();
    assert!(bed.config().contains("enable = true"), "{}", bed.config());

    let running = Bed::new(Generation::V64, One("{}"), Only(Some("localhost:26657")));
    let Err(refused) = running.run("reset-data", json!({})).await else { panic!("seid runs") };
    assert_eq!(refused.result, Some(json!({ "wipedBytes": 0 })));
}

#[tokio::test]
async fn a_snapshot_is_uploaded_once_when_there_is_a_newer_one() {
    let bed = Bed::new(Generation::V66, One("{}"), Only(None));
    let once = async || bed.run("snapshot-upload-once", json!({})).await.unwrap().unwrap();
    assert_eq!(once().await["noopReason"], "fewer-than-2-snapshots");
    for height in [100, 200] {
        bed.handlers.home.write(&format!("data/snapshots/{height}/snapshot.tar.gz"), "x").unwrap();
    }
    let uploaded = once().await;
    assert_eq!((&uploaded["outcome"], &uploaded["height"]), (&json!("uploaded"), &json!(100)));
    assert_eq!(uploaded["key"], "devnet-1/state-sync/100.tar.gz");
    assert_eq!(once().await["noopReason"], "already-uploaded");
}

#[tokio::test]
async fn a_repeated_assembly_collides_with_its_own_accounts() {
    let gentx = r#"{"nodeId":"ab","stakingAmount":"10usei"}"#;
    let params = json!({
        "accountBalance": "1usei", "namespace": "ns", "nodes": [{ "name": "n" }],
        "accounts": [{ "address": "sei1a", "balance": "1usei" }],
    });
    let bed = Bed::new(Generation::V66, One(gentx), Only(None));
    bed.run("generate-identity", json!({ "chainId": "c", "moniker": "m" })).await.unwrap();
    let task = "assemble-and-upload-genesis";
    assert!(error(bed.run(task, params.clone()).await).contains("consensus power 0"), "its stake is too low");
    assert!(error(bed.run(task, params.clone()).await).contains("collides with an existing genesis account"));

    let bed = Bed::new(Generation::V64, One(gentx), Only(None));
    bed.run("generate-identity", json!({ "chainId": "c", "moniker": "m" })).await.unwrap();
    let mut overridden = params.clone();
    overridden["accounts"] = json!([]);
    for (key, text) in [("stake.params.x", "unknown module"), ("staking", "must be of the form")] {
        overridden["overrides"] = json!({ key: 1 });
        assert!(error(bed.run(task, overridden.clone()).await).contains(text), "{key}");
    }
    let result = bed.run(task, params).await.unwrap().unwrap();
    assert_eq!(result["genesisHash"].as_str().unwrap().len(), 64, "{result}");
    assert_eq!(bed.run(task, json!({})).await.unwrap(), None, "its hash is reported once");
}
