//! A chain is upgraded at a height: three nodes halt there, their images are replaced, and the chain continues.

use anyhow::{Context, ensure};
use sei_api::deployment_conditions::ConditionType;
use serde_json::{Value, json};

use crate::{
    groups::Group,
    nodes::{CHAIN, NAMESPACE},
    report::seen,
    world::{World, until},
};

const NAME: &str = "forked";
const REPLICAS: u32 = 3;
/// Blocks from now to the upgrade, each of half a second: meanwhile the operator must observe that seid has not halted.
const BLOCKS: u64 = 30;

pub(super) async fn run(world: &World) -> anyhow::Result<()> {
    let [a, b] = &world.images.seid;
    let template = json!({ "spec": { "chainId": CHAIN, "image": a, "fullNode": {} } });
    let group = Group::create(world, NAME, json!({ "replicas": REPLICAS, "template": template })).await?;
    group.until_true(ConditionType::Ready).await?;

    let height = heights(world).await?.into_iter().max().context("the nodes have heights")? + BLOCKS;
    // The chain decides that the binary of image b continues at this height.
    let upgrade = json!({ "name": "b", "height": height });
    for ordinal in 0..REPLICAS {
        seid(world, ordinal, &format!("echo '{upgrade}' > /.sei/data/upgrade.json")).await?;
    }
    let now = heights(world).await?;
    ensure!(now.iter().all(|now| now + 2 < height), "too late for an upgrade at {height}: {now:?}");
    group
        .change(json!({
            "updateStrategy": { "type": "HardFork", "hardFork": { "haltHeight": height } },
            "template": { "spec": { "image": b } },
        }))
        .await?;
    let waits = |message: &str| {
        let until = format!("until seid halts at height {height}");
        message.contains(&until)
    };
    group
        .until("every node waits for the height", |status| {
            let nodes = status.nodes.iter().flatten();
            let waiting = nodes.filter(|node| node.message.as_deref().is_some_and(waits)).count();
            ensure!(waiting == 3, "{waiting} nodes wait");
            Ok(())
        })
        .await?;
    let images = group.images().await?;
    ensure!(images.iter().all(|image| image == a), "images before the height: {images:?}");
    seen("image changed: the nodes run the old image until seid halts at the height");

    group.until_true(ConditionType::Ready).await?;
    let images = group.images().await?;
    ensure!(images.len() == 3 && images.iter().all(|image| image == b), "images: {images:?}");
    let pods = format!(
        "get pods -n {NAMESPACE} -l sei.io/nodedeployment={NAME} -o \
         jsonpath={{.items[*].status.containerStatuses[?(@.name==\"seid\")].restartCount}}"
    );
    let restarts = world.kubectl(&pods).await?;
    ensure!(restarts == "0 0 0", "the new binary panicked: restarts of seid: {restarts}");
    until("the chain to continue", async || {
        let now = heights(world).await?;
        ensure!(now.iter().all(|now| *now >= height), "heights: {now:?}");
        Ok(())
    })
    .await?;
    seen("all nodes halted, their images were replaced, and the chain continues");
    group.delete().await
}

/// Height of each seid.
async fn heights(world: &World) -> anyhow::Result<Vec<u64>> {
    let mut heights = Vec::new();
    for ordinal in 0..REPLICAS {
        let url =
            format!("http://{NAME}-{ordinal}-0.{NAME}-{ordinal}.{NAMESPACE}.svc.cluster.local:26657/status");
        let answer = world.run("curl", &["-fsS", "--max-time", "10", &url]).await?;
        let answer: Value = serde_json::from_str(&answer).context("read the answer")?;
        let height =
            answer["sync_info"]["latest_block_height"].as_str().context("the answer has a height")?;
        heights.push(height.parse().context("read the height")?);
    }
    Ok(heights)
}

async fn seid(world: &World, ordinal: u32, script: &str) -> anyhow::Result<String> {
    let pod = format!("{NAME}-{ordinal}-0");
    world.run("kubectl", &["exec", "-n", NAMESPACE, &pod, "-c", "seid", "--", "sh", "-c", script]).await
}
