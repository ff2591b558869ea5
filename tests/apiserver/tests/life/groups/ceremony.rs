//! Genesis ceremonies of groups: from no chain to a running one.

use std::{fs, path::PathBuf};

use kube::api::{Patch, PatchParams};
use sei_api::deployment_conditions::ConditionType;
use sei_testkit::{
    cluster::{Cluster, NAMESPACE},
    s3::S3,
};
use serde_json::{Value, json};

use super::bed::{Bed, GROUP};
use crate::harness::{self, eventually};

const CHAIN: &str = "devnet-9";
const ACCOUNT: &str = "sei1qqqsyqcyq5rqwzqfpg9scrgwpugpzysnw6qvhc";
const ASSEMBLE: &str = "assemble-and-upload-genesis";
const CEREMONY: ConditionType = ConditionType::GenesisCeremonyComplete;
const STALLED: ConditionType = ConditionType::Stalled;

fn validators(replicas: u32, genesis: Value) -> Value {
    let mut spec = json!({
        "replicas": replicas,
        "genesis": { "chainId": CHAIN },
        "template": { "spec": { "chainId": CHAIN, "image": "seid:a", "validator": {} } },
    });
    spec["genesis"].as_object_mut().unwrap().extend(genesis.as_object().unwrap().clone());
    spec
}

/// A cluster whose sidecars use `store`, with an operator that can list it.
async fn bed(store: &S3) -> Bed {
    let bed = Bed::start_with(&store.variables()).await;
    for ordinal in 0..5 {
        bed.cluster.simulator.use_bucket(&host(ordinal), store.folder(), CHAIN);
    }
    bed
}

fn host(ordinal: u32) -> String {
    Cluster::host(&format!("{GROUP}-{ordinal}"))
}

fn assemblies(bed: &Bed) -> u32 {
    bed.cluster.simulator.runs(&host(0)).get(ASSEMBLE).copied().unwrap_or(0)
}

fn genesis_file(store: &S3) -> PathBuf {
    store.folder().join(CHAIN).join("genesis.json")
}

fn genesis(store: &S3) -> Value {
    serde_json::from_str(&fs::read_to_string(genesis_file(store)).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn four_validators_create_a_chain_across_restarts_of_the_operator() {
    let store = S3::start("genesis").await.unwrap();
    let mut bed = bed(&store).await;
    let mut spec = validators(
        4,
        json!({
            "accounts": [{ "address": ACCOUNT, "balance": "7usei" }],
            "overrides": { "staking.params.unbonding_time": "600s" },
        }),
    );
    // The first release that reports the hash of the genesis.
    spec["template"]["spec"]["sidecar"] = json!({ "image": "ghcr.io/sei-protocol/seictl:v0.0.59" });
    bed.create(spec).await;
    eventually("the assembly is stored as submitted", || async {
        let plan = bed.groups().get(GROUP).await.unwrap().status.and_then(|status| status.plan);
        plan.is_some_and(|plan| plan.tasks[0].submitted_at.is_some())
    })
    .await;
    bed.operator.take().unwrap().kill().unwrap();
    bed.operator = Some(harness::operator_with(&bed.cluster, &store.variables()));
    bed.until_complete().await;
    bed.until_condition(GROUP, CEREMONY, "True/CeremonyComplete", "").await;
    assert_eq!(assemblies(&bed), 1);
    let genesis = genesis(&store);
    assert_eq!(genesis["gentxs"].as_array().unwrap().len(), 4);
    assert_eq!(genesis["accounts"], json!([{ "address": ACCOUNT, "balance": "7usei" }]));
    assert_eq!(genesis["overrides"], json!({ "staking.params.unbonding_time": "600s" }));
    let status = bed.groups().get(GROUP).await.unwrap().status.unwrap();
    assert_eq!(status.plan, None);
    let records = bed.cluster.simulator.records(&host(0));
    let record = records.into_iter().find(|record| record.type_ == ASSEMBLE).unwrap();
    assert_eq!(record.result, Some(json!({ "genesisHash": status.genesis_hash.unwrap() })));

    // A node added later joins the chain, and no genesis is created for it.
    bed.edit(json!({ "replicas": 5 })).await;
    bed.until_complete().await;
    let nodes = bed.nodes().await;
    let block = |node: &sei_api::SeiNode| node.spec.validator.as_ref().unwrap().genesis_ceremony.is_some();
    assert_eq!(nodes.iter().map(block).collect::<Vec<_>>(), [true, true, true, true, false]);
    assert_eq!(assemblies(&bed), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assembly_that_was_interrupted_after_it_wrote_the_accounts_is_completed() {
    let store = S3::start("genesis").await.unwrap();
    let bed = bed(&store).await;
    harness::stuck(&bed.cluster, &format!("{GROUP}-1"), &["upload-genesis-artifacts"]);
    let accounts = json!([{ "address": ACCOUNT, "balance": "7usei" }]);
    bed.create(validators(2, json!({ "accounts": accounts, "maxCeremonyDuration": "3s" }))).await;
    bed.until_condition(
        GROUP,
        STALLED,
        "True/CeremonyTimedOut",
        "waiting for the genesis transactions of rpc-1",
    )
    .await;
    assert_eq!(assemblies(&bed), 0);

    // An earlier attempt left the accounts behind.
    let home = bed.cluster.simulator.home(&host(0));
    let mut genesis_of_sidecar: Value =
        serde_json::from_str(&home.read("config/genesis.json").unwrap().unwrap()).unwrap();
    genesis_of_sidecar["accounts"] = accounts.clone();
    home.write_json("config/genesis.json", &genesis_of_sidecar).unwrap();
    harness::stuck(&bed.cluster, &format!("{GROUP}-1"), &[]);
    bed.cluster.simulator.evict(&host(1));
    bed.edit(json!({ "genesis": { "maxCeremonyDuration": "1h" } })).await;
    bed.until_condition(
        GROUP,
        CEREMONY,
        "False/AssemblyRetrying",
        "collides with an existing genesis account",
    )
    .await;
    bed.until_complete().await;
    assert_eq!(genesis(&store)["accounts"], accounts);
    assert_eq!(assemblies(&bed), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_id_that_was_used_before_is_refused_until_its_objects_are_gone() {
    let store = S3::start("genesis").await.unwrap();
    let bed = bed(&store).await;
    store.put(&format!("{CHAIN}/genesis.json"), "{}").unwrap();
    bed.create(validators(2, json!({}))).await;
    bed.until_condition(GROUP, STALLED, "True/ChainIdInUse", "s3://genesis/devnet-9/genesis.json exists")
        .await;
    assert_eq!(bed.nodes().await.len(), 0);
    fs::remove_file(genesis_file(&store)).unwrap();
    let touched = json!({ "metadata": { "annotations": { "touched": "now" } } });
    bed.groups().patch(GROUP, &PatchParams::default(), &Patch::Merge(&touched)).await.unwrap();
    bed.until_condition(GROUP, CEREMONY, "True/CeremonyComplete", "").await;

    bed.create_named("other", validators(2, json!({}))).await;
    bed.until_condition(
        "other",
        STALLED,
        "True/ChainIdInUse",
        &format!("SeiNodeDeployment {NAMESPACE}/rpc also creates chain {CHAIN}"),
    )
    .await;
    assert_eq!(bed.nodes().await.len(), 2);
}
