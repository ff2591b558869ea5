//! A group of three nodes, updated one after the other, scaled down, retained, adopted and deleted.

use anyhow::ensure;
use serde_json::{Value, json};

use crate::{
    groups::Group,
    nodes::{CHAIN, NAMESPACE},
    report::seen,
    world::World,
};

const NAME: &str = "trio";

pub(super) async fn run(world: &World) -> anyhow::Result<()> {
    let [a, b] = &world.images.seid;
    let group = Group::create(world, NAME, json!({ "replicas": 3, "template": template(a) })).await?;
    group.until_complete(0).await?;
    seen("three nodes are created and ready");

    group.change(json!({ "template": { "spec": { "image": b } } })).await?;
    group.until_complete(2).await?;
    let images = group.images().await?;
    ensure!(images.iter().all(|image| image == b), "images: {images:?}");
    seen("image changed: two of three nodes were available throughout, and all run the new image");

    world.kubectl(&format!("scale seinodedeployment/{NAME} -n {NAMESPACE} --replicas=2")).await?;
    group.until_complete(2).await?;
    let left = group.images().await?.len();
    ensure!(left == 2, "{left} nodes are left");
    seen("scaled down with kubectl: the highest ordinal was deleted");

    retained_and_adopted(world, group, json!({ "replicas": 2, "template": template(b) })).await?;
    let left = Group::of(world, NAME).images().await?.len();
    ensure!(left == 0, "{left} nodes of the group are left");
    seen("deleted: none of its objects are left");
    Ok(())
}

/// Deletes the group with `Retain`, creates it again with this spec, and deletes it with its nodes.
async fn retained_and_adopted(world: &World, group: Group<'_>, spec: Value) -> anyhow::Result<()> {
    // Its seid keeps serving for some seconds.
    world.kubectl(&format!("wait pod/{NAME}-2-0 -n {NAMESPACE} --for=delete --timeout=60s")).await?;
    let before = pods(world).await?;
    ensure!(before.split_whitespace().count() == 2, "the pods are {before}");
    group.change(json!({ "deletionPolicy": "Retain" })).await?;
    group.delete().await?;
    ensure!(pods(world).await? == before, "the pods of a retained group have changed");
    let group = Group::create(world, NAME, spec).await?;
    group.until_complete(0).await?;
    ensure!(pods(world).await? == before, "the pods of an adopted group have changed");
    seen("deleted with Retain, then adopted by the next group of that name, with the same pods throughout");
    group.delete().await
}

/// UIDs of its pods.
async fn pods(world: &World) -> anyhow::Result<String> {
    let list = format!(
        "get pods -n {NAMESPACE} -l sei.io/nodedeployment={NAME} -o jsonpath={{.items[*].metadata.uid}}"
    );
    world.kubectl(&list).await
}

fn template(image: &str) -> Value {
    json!({ "spec": { "chainId": CHAIN, "image": image, "fullNode": {} } })
}
