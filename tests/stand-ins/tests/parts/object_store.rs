//! seictl with an object store: a snapshot is restored, and a genesis ceremony runs.

use std::{fs, process::Command};

use serde_json::{Value, json};

use crate::{
    harness::seictl,
    process::{Process, done, get_json, listening, ports},
};

const CHAIN: &str = "devnet-1";

#[tokio::test]
async fn snapshots_and_ceremonies_use_the_buckets() {
    let (buckets, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let genesis = buckets.path().join("genesis").join(CHAIN);
    let snapshots = buckets.path().join("snapshots").join(CHAIN).join("state-sync");
    fs::create_dir_all(buckets.path().join("genesis")).unwrap();
    fs::create_dir_all(&snapshots).unwrap();
    for height in [100, 200, 300] {
        fs::write(snapshots.join(format!("{height}.tar.gz")), height.to_string()).unwrap();
    }
    let [store, port] = ports();
    let mut command = Command::new(env!("CARGO_BIN_EXE_s3"));
    let _store = Process::start(command.arg(format!("--address=127.0.0.1:{store}")).arg(buckets.path()));
    listening(store).await;
    let mut command = seictl(home.path(), port);
    let _sidecar = Process::start(command.env("SEI_CHAIN_ID", CHAIN).envs([
        ("AWS_ENDPOINT_URL_S3", format!("http://127.0.0.1:{store}").as_str()),
        ("AWS_ACCESS_KEY_ID", "operator"),
        ("AWS_SECRET_ACCESS_KEY", "of-the-operator"),
    ]));

    let too_low = done(port, "snapshot-restore", json!({ "targetHeight": 50 })).await;
    assert_eq!(too_low["status"], "failed", "{too_low}");
    let restored = done(port, "snapshot-restore", json!({ "targetHeight": 250 })).await;
    assert_eq!(restored["status"], "completed", "{restored}");
    let snapshot = fs::read_to_string(home.path().join("data/snapshots/200/snapshot.tar.gz"));
    assert_eq!(snapshot.unwrap(), "200", "the newest snapshot that is not above the height");

    let missing = done(port, "configure-genesis", Value::Null).await;
    assert!(missing["error"].as_str().unwrap().contains("no object devnet-1/genesis.json"), "{missing}");
    let amounts =
        json!({ "chainId": CHAIN, "stakingAmount": "1000000usei", "accountBalance": "2000000usei" });
    for (type_, params) in [
        ("generate-identity", json!({ "chainId": CHAIN, "moniker": "member-0" })),
        ("generate-gentx", amounts),
        ("upload-genesis-artifacts", json!({ "nodeName": "member-0" })),
        (
            "assemble-and-upload-genesis",
            json!({ "accountBalance": "2000000usei", "namespace": "ns", "nodes": [{ "name": "member-0" }] }),
        ),
        ("configure-genesis", Value::Null),
        ("set-genesis-peers", Value::Null),
    ] {
        let record = done(port, type_, params).await;
        assert_eq!(record["status"], "completed", "{record}");
    }
    assert!(genesis.join("member-0/identity.json").exists());
    let id = get_json(port, "/v0/node-id").await["nodeId"].as_str().unwrap().to_owned();
    let peers = fs::read_to_string(genesis.join("peers.json")).unwrap();
    assert!(peers.contains(&format!("{id}@member-0-0.member-0.ns.svc.cluster.local:26656")), "{peers}");
    let config = fs::read_to_string(home.path().join("config/config.toml")).unwrap();
    assert!(!config.contains(&id), "a node is not its own peer: {config}");
}
