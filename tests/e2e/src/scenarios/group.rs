//! A group of three nodes, updated one after the other, scaled down and deleted.

use std::cell::Cell;

use anyhow::{Context, ensure};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use sei_api::{SeiNodeDeployment, deployment_conditions::ConditionType};
use serde_json::{Value, json};

use crate::{
    nodes::{CHAIN, NAMESPACE},
    report::seen,
    world::{World, until},
};

const NAME: &str = "trio";
const LIST: &str =
    "get seinodes -n pacific-1 -l sei.io/nodedeployment=trio -o jsonpath={.items[*].spec.image}";

pub(super) async fn run(world: &World) -> anyhow::Result<()> {
    let groups: Api<SeiNodeDeployment> = Api::namespaced(world.client.clone(), NAMESPACE);
    // Left by a failed run.
    delete(world).await?;
    let [a, b] = &world.images.seid;
    let group: SeiNodeDeployment = serde_json::from_value(json!({
        "apiVersion": "sei.io/v1alpha1", "kind": "SeiNodeDeployment", "metadata": { "name": NAME },
        "spec": {
            "replicas": 3,
            "template": { "spec": { "chainId": CHAIN, "image": a, "fullNode": {} } },
        },
    }))
    .context("write the SeiNodeDeployment")?;
    groups.create(&PostParams::default(), &group).await.context("create the group")?;
    until_complete(&groups, 0).await?;
    seen("three nodes are created and ready");

    change(&groups, json!({ "template": { "spec": { "image": b } } })).await?;
    until_complete(&groups, 2).await?;
    let images = world.kubectl(LIST).await?;
    ensure!(images.split(' ').all(|image| image == b), "images: {images}");
    seen("another image: two of three were available throughout, and all run it");

    world.kubectl(&format!("scale seinodedeployment/{NAME} -n {NAMESPACE} --replicas=2")).await?;
    until_complete(&groups, 2).await?;
    let left = world.kubectl(LIST).await?.split_whitespace().count();
    ensure!(left == 2, "{left} nodes are left");
    seen("scaled down by kubectl: the highest ordinal is gone");

    delete(world).await?;
    let left = world.kubectl(LIST).await?;
    ensure!(left.is_empty(), "left of the group: {left}");
    seen("deleted, nothing of it is left");
    Ok(())
}

async fn delete(world: &World) -> anyhow::Result<()> {
    let delete = format!("delete seinodedeployment {NAME} -n {NAMESPACE} --ignore-not-found --timeout=5m");
    world.kubectl(&delete).await.map(drop)
}

async fn change(groups: &Api<SeiNodeDeployment>, spec: Value) -> anyhow::Result<()> {
    let patch = Patch::Merge(json!({ "spec": spec }));
    groups.patch(NAME, &PatchParams::default(), &patch).await.context("change the group")?;
    Ok(())
}

/// Waits until every node is available and runs the template; at least `least` must be available at any time.
async fn until_complete(groups: &Api<SeiNodeDeployment>, least: i64) -> anyhow::Result<()> {
    let fewest = Cell::new(i64::MAX);
    until(&format!("{NAME}: Ready"), async || {
        let group = groups.get(NAME).await?;
        let status = group.status.unwrap_or_default();
        fewest.set(fewest.get().min(status.available_replicas.unwrap_or(0)));
        let ready = status.condition(ConditionType::Ready).context("it has no conditions yet")?;
        let is_current = status.observed_generation == group.metadata.generation;
        ensure!(is_current && ready.status == "True", "it is {}: {}", ready.reason, ready.message);
        Ok(())
    })
    .await?;
    let fewest = fewest.get();
    ensure!(fewest >= least, "only {fewest} nodes were available");
    Ok(())
}
