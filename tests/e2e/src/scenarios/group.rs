//! A group of three nodes, updated one after the other, scaled down and deleted.

use std::cell::Cell;

use anyhow::ensure;
use sei_api::deployment_conditions::ConditionType;
use serde_json::json;

use crate::{
    groups::{Group, is_true},
    nodes::{CHAIN, NAMESPACE},
    report::seen,
    world::World,
};

const NAME: &str = "trio";

pub(super) async fn run(world: &World) -> anyhow::Result<()> {
    let [a, b] = &world.images.seid;
    let template = json!({ "spec": { "chainId": CHAIN, "image": a, "fullNode": {} } });
    let group = Group::create(world, NAME, json!({ "replicas": 3, "template": template })).await?;
    until_complete(&group, 0).await?;
    seen("three nodes are created and ready");

    group.change(json!({ "template": { "spec": { "image": b } } })).await?;
    until_complete(&group, 2).await?;
    let images = group.images().await?;
    ensure!(images.iter().all(|image| image == b), "images: {images:?}");
    seen("another image: two of three were available throughout, and all run it");

    world.kubectl(&format!("scale seinodedeployment/{NAME} -n {NAMESPACE} --replicas=2")).await?;
    until_complete(&group, 2).await?;
    let left = group.images().await?.len();
    ensure!(left == 2, "{left} nodes are left");
    seen("scaled down by kubectl: the highest ordinal is gone");

    group.delete().await?;
    let left = Group::of(world, NAME).images().await?.len();
    ensure!(left == 0, "{left} nodes of the group are left");
    seen("deleted, nothing of it is left");
    Ok(())
}

/// Waits until every node is available and runs the template; at least `least` must be available at any time.
async fn until_complete(group: &Group<'_>, least: i64) -> anyhow::Result<()> {
    let fewest = Cell::new(i64::MAX);
    group
        .until("Ready", |status| {
            fewest.set(fewest.get().min(status.available_replicas.unwrap_or(0)));
            is_true(status, ConditionType::Ready)
        })
        .await?;
    let fewest = fewest.get();
    ensure!(fewest >= least, "only {fewest} nodes were available");
    Ok(())
}
