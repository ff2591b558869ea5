//! Validators of a new chain: each uploads its part of the genesis, one assembles it, and all start from it.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::{
    nodes::{NAMESPACE, Node},
    report::seen,
    world::{World, until},
};

const CHAIN: &str = "e2e-1";
const MEMBERS: [&str; 2] = ["member-0", "member-1"];
/// More than one SEI; a validator with less has no voting power.
const STAKE: &str = "10000000usei";
const BALANCE: &str = "20000000usei";

pub(super) async fn run(world: &World) -> anyhow::Result<()> {
    let mut members = Vec::new();
    for (index, name) in MEMBERS.into_iter().enumerate() {
        let ceremony = json!({
            "chainId": CHAIN, "stakingAmount": STAKE, "accountBalance": BALANCE, "index": index,
        });
        let spec = json!({ "chainId": CHAIN, "validator": { "genesisCeremony": ceremony } });
        members.push(Node::create_as(world, name, json!({}), spec).await?);
    }
    for member in &members {
        let words = member.until_waiting("WaitingForGenesis").await?;
        ensure!(words.contains("genesis.json"), "{}: {words}", member.name);
    }
    seen("each validator uploads its part and waits for a genesis that is not in the bucket");

    assemble(world, &members[0]).await?;
    for member in &members {
        member.until_ready().await?;
    }
    let exec = format!("exec -n {NAMESPACE} member-1-0 -c seid -- cat");
    let genesis = world.kubectl(&format!("{exec} /.sei/config/genesis.json")).await?;
    ensure!(genesis.contains(CHAIN), "the second has another genesis: {genesis}");
    let config = world.kubectl(&format!("{exec} /.sei/config/config.toml")).await?;
    ensure!(config.contains(&members[0].host()), "the second is not configured with the first: {config}");
    ensure!(!config.contains(&members[1].host()), "the second is configured with itself: {config}");
    seen("one validator assembles the genesis; both start with it, as peers of each other");
    for member in members {
        member.delete().await?;
    }
    Ok(())
}

/// What a group's controller requests of one of its members.
async fn assemble(world: &World, node: &Node<'_>) -> anyhow::Result<()> {
    let tasks = format!("http://{}:7777/v0/tasks", node.host());
    let nodes = MEMBERS.map(|name| json!({ "name": name }));
    let task = json!({
        "type": "assemble-and-upload-genesis",
        "params": { "accountBalance": BALANCE, "namespace": NAMESPACE, "nodes": nodes },
    });
    let answer = world.run("curl", &["-fsS", "--max-time", "10", "-d", &task.to_string(), &tasks]).await?;
    let answer: Value = serde_json::from_str(&answer).context("read the answer")?;
    let id = answer["id"].as_str().context("the answer has no id")?;
    until("the genesis to be assembled", async || {
        let record = world.run("curl", &["-fsS", "--max-time", "10", &format!("{tasks}/{id}")]).await?;
        let record: Value = serde_json::from_str(&record).context("read the record")?;
        ensure!(record["status"] == "completed", "{record}");
        Ok(())
    })
    .await
}
