//! A group of validators creates a chain: one object is applied, and three validators run from one genesis.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use sei_api::deployment_conditions::ConditionType;
use serde_json::json;

use crate::{groups::Group, nodes::NAMESPACE, report::seen, world::World};

const NAME: &str = "founders";

pub(super) async fn run(world: &World) -> anyhow::Result<()> {
    // The bucket keeps the genesis of each run, and a chain ID is used once.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("read the clock")?;
    let chain = format!("founders-{}", now.as_secs());
    let spec = json!({
        "replicas": 3,
        "deletionPolicy": "Delete",
        "genesis": { "chainId": chain, "overrides": { "staking.params.unbonding_time": "600s" } },
        "template": { "spec": { "chainId": chain, "image": world.images.seid[0], "validator": {} } },
    });
    let group = Group::create(world, NAME, spec).await?;
    for kind in [ConditionType::GenesisCeremonyComplete, ConditionType::Ready] {
        group.until_true(kind).await?;
    }
    let mut genesis = Vec::new();
    for ordinal in 0..3 {
        let exec = format!("exec -n {NAMESPACE} {NAME}-{ordinal}-0 -c seid -- cat /.sei/config/genesis.json");
        genesis.push(world.kubectl(&exec).await?);
    }
    ensure!(genesis[0].contains(&chain) && genesis[0].contains("600s"), "the genesis: {}", genesis[0]);
    ensure!(genesis.iter().all(|other| *other == genesis[0]), "they differ: {genesis:?}");
    seen("three validators create the genesis of a chain and run with it");
    group.delete().await
}
