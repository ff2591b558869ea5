//! Genesis ceremonies of a new chain: members wait for the objects of the group, and report it.

use std::time::{Duration, Instant};

use sei_api::{SeiNode, conditions::ConditionType};
use sei_testkit::{certs::Authority, cluster::Cluster, s3::S3};
use serde_json::{Value, json};

use crate::{
    harness::{self, eventually, is_running, until},
    pool::TestCluster,
};

const CHAIN: &str = "devnet-7";
const MEMBERS: [&str; 3] = ["member-0", "member-1", "member-2"];

fn member() -> Value {
    json!({
        "chainId": CHAIN,
        "image": "seid:a",
        "validator": { "genesisCeremony": {
            "chainId": CHAIN, "stakingAmount": "10usei", "accountBalance": "20usei", "index": 0,
        }},
    })
}

/// Whether `Ready` has `reason` and its message contains `text`.
fn is_ready_with(node: &SeiNode, reason: &str, text: &str) -> bool {
    let ready = node.status.as_ref().and_then(|status| status.condition(ConditionType::Ready));
    ready.is_some_and(|ready| ready.reason == reason && ready.message.contains(text))
}

fn runs(cluster: &Cluster, name: &str, task: &str) -> u32 {
    cluster.simulator.runs(&Cluster::host(name)).get(task).copied().unwrap_or(0)
}

/// A cluster whose sidecars use `store`.
async fn cluster(store: &S3) -> TestCluster {
    let cluster = harness::cluster().await;
    for name in MEMBERS {
        cluster.simulator.use_bucket(&Cluster::host(name), store.folder(), CHAIN);
    }
    cluster
}

#[tokio::test(flavor = "multi_thread")]
async fn members_wait_for_the_genesis_and_continue_when_it_exists() {
    let authority = Authority::new("of the store").unwrap();
    let store = S3::start_tls("genesis", &authority.issue(&["localhost".to_owned()]).unwrap()).await.unwrap();
    let cluster = cluster(&store).await;
    let roots = cluster.plane.folder().join("store-ca.pem");
    std::fs::write(&roots, authority.pem()).unwrap();
    let mut variables = store.variables().to_vec();
    variables.push(("SSL_CERT_FILE", roots.display().to_string()));
    let operator = harness::operator_with(&cluster, &variables);
    for name in MEMBERS {
        harness::create(&cluster, name, member()).await;
    }
    for name in MEMBERS {
        until(&cluster, name, "waiting for the genesis", |node| {
            is_ready_with(node, "WaitingForGenesis", "s3://genesis/devnet-7/genesis.json does not exist yet")
        })
        .await;
        assert!(store.holds(&format!("{CHAIN}/{name}/gentx.json")), "{name}");
        assert!(store.holds(&format!("{CHAIN}/{name}/identity.json")), "{name}");
    }

    operator.kill().unwrap();
    let operator = harness::operator_with(&cluster, &variables);
    store.put(&format!("{CHAIN}/genesis.json"), "{}").unwrap();
    let began = Instant::now();
    for name in MEMBERS {
        until(&cluster, name, "waiting for the peers", |node| {
            is_ready_with(node, "WaitingForGenesis", "s3://genesis/devnet-7/peers.json does not exist yet")
        })
        .await;
    }
    store.put(&format!("{CHAIN}/peers.json"), "{}").unwrap();
    operator.kill().unwrap();
    let _operator = harness::operator_with(&cluster, &variables);
    for name in MEMBERS {
        until(&cluster, name, "Running", is_running).await;
        for task in ["configure-genesis", "set-genesis-peers", "upload-genesis-artifacts"] {
            assert_eq!(runs(&cluster, name, task), 1, "{name}: {task} was tried only when it could succeed");
        }
    }
    assert!(began.elapsed() < Duration::from_secs(40), "took {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn denied_access_to_the_bucket_is_reported_and_does_not_block_nodes() {
    let store = S3::start("genesis").await.unwrap();
    let cluster = cluster(&store).await;
    let mut variables = store.variables();
    variables[2].1 = "wrong".to_owned();
    let operator = harness::operator_with(&cluster, &variables);
    harness::create(&cluster, MEMBERS[0], member()).await;
    until(&cluster, MEMBERS[0], "trying, and saying why the bucket is not looked into", |node| {
        is_ready_with(node, "TaskRetrying", "bucket genesis could not be queried: SignatureDoesNotMatch")
    })
    .await;

    // An operator without credentials does not report it either.
    operator.kill().unwrap();
    let operator = harness::operator(&cluster);
    let tried = runs(&cluster, MEMBERS[0], "configure-genesis");
    eventually("the sidecar tries again", || async {
        runs(&cluster, MEMBERS[0], "configure-genesis") > tried
    })
    .await;
    until(&cluster, MEMBERS[0], "trying without credentials", |node| {
        is_ready_with(
            node,
            "TaskRetrying",
            "has no credentials to check whether s3://genesis/devnet-7/genesis.json exists",
        )
    })
    .await;

    // With access, it waits from the next attempt on, and no longer reports the last error.
    operator.kill().unwrap();
    let _operator = harness::operator_with(&cluster, &store.variables());
    until(&cluster, MEMBERS[0], "waiting for the genesis", |node| {
        is_ready_with(node, "WaitingForGenesis", "genesis.json does not exist yet")
    })
    .await;
    store.put(&format!("{CHAIN}/genesis.json"), "{}").unwrap();
    store.put(&format!("{CHAIN}/peers.json"), "{}").unwrap();
    until(&cluster, MEMBERS[0], "Running", is_running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_artifacts_are_reported_before_a_missing_genesis() {
    let store = S3::start("genesis").await.unwrap();
    let cluster = cluster(&store).await;
    let elsewhere = S3::start("genesis").await.unwrap();
    cluster.simulator.use_bucket(&Cluster::host(MEMBERS[0]), elsewhere.folder(), CHAIN);
    let _operator = harness::operator_with(&cluster, &store.variables());
    harness::create(&cluster, MEMBERS[0], member()).await;
    until(&cluster, MEMBERS[0], "missing its gentx", |node| {
        is_ready_with(
            node,
            "WaitingForGenesis",
            "s3://genesis/devnet-7/member-0/gentx.json, but the object no longer exists",
        )
    })
    .await;
    for file in ["gentx.json", "identity.json"] {
        store.put(&format!("{CHAIN}/member-0/{file}"), "{}").unwrap();
    }
    until(&cluster, MEMBERS[0], "waiting for the genesis", |node| {
        is_ready_with(node, "WaitingForGenesis", "genesis.json does not exist yet")
    })
    .await;
}
