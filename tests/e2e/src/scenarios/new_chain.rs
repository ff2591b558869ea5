//! A group of validators creates a chain: one object is applied, and three validators run from one genesis.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use kube::{Api, api::PostParams};
use sei_api::{SeiNodeDeployment, deployment_conditions::ConditionType};
use serde_json::json;

use crate::{
    nodes::NAMESPACE,
    report::seen,
    world::{World, until},
};

const NAME: &str = "founders";

pub(super) async fn run(world: &World) -> anyhow::Result<()> {
    // Left by a failed run.
    delete(world).await?;
    // The bucket keeps the genesis of each run, and a chain ID is used once.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("read the clock")?;
    let chain = format!("founders-{}", now.as_secs());
    let group: SeiNodeDeployment = serde_json::from_value(json!({
        "apiVersion": "sei.io/v1alpha1", "kind": "SeiNodeDeployment", "metadata": { "name": NAME },
        "spec": {
            "replicas": 3,
            "deletionPolicy": "Delete",
            "genesis": { "chainId": chain, "overrides": { "staking.params.unbonding_time": "600s" } },
            "template": { "spec": { "chainId": chain, "image": world.images.seid[0], "validator": {} } },
        },
    }))
    .context("write the SeiNodeDeployment")?;
    let groups: Api<SeiNodeDeployment> = Api::namespaced(world.client.clone(), NAMESPACE);
    groups.create(&PostParams::default(), &group).await.context("create the group")?;
    for kind in [ConditionType::GenesisCeremonyComplete, ConditionType::Ready] {
        until(&format!("{NAME}: {}", kind.as_str()), async || {
            let status = groups.get(NAME).await?.status.unwrap_or_default();
            let condition = status.condition(kind).context("it has no such condition yet")?;
            ensure!(condition.status == "True", "it is {}: {}", condition.reason, condition.message);
            Ok(())
        })
        .await?;
    }
    let mut genesis = Vec::new();
    for ordinal in 0..3 {
        let exec = format!("exec -n {NAMESPACE} {NAME}-{ordinal}-0 -c seid -- cat /.sei/config/genesis.json");
        genesis.push(world.kubectl(&exec).await?);
    }
    ensure!(genesis[0].contains(&chain) && genesis[0].contains("600s"), "the genesis: {}", genesis[0]);
    ensure!(genesis.iter().all(|other| *other == genesis[0]), "they differ: {genesis:?}");
    seen("three validators create the genesis of a chain, and run from it");
    delete(world).await
}

async fn delete(world: &World) -> anyhow::Result<()> {
    let delete = format!("delete seinodedeployment {NAME} -n {NAMESPACE} --ignore-not-found --timeout=5m");
    world.kubectl(&delete).await.map(drop)
}
