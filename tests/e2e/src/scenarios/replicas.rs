//! Operators that are killed and frozen.

use std::time::Instant;

use anyhow::{Context, ensure};
use k8s_openapi::api::{coordination::v1::Lease, core::v1::Pod};
use kube::{Api, api::DeleteParams};
use serde_json::json;

use super::{
    install::{OPERATOR, RELEASE},
    manual_secret,
};
use crate::{
    audit,
    nodes::Node,
    processes,
    report::seen,
    world::{World, until},
};

const LEASE: &str = "bc1f5b0a.sei.io";

pub(super) async fn run(world: &World) -> anyhow::Result<()> {
    let node = manual_secret::node(world).await?;
    let pod = node.pod_identity().await?;
    killed(world).await?;
    frozen(world).await?;
    ensure!(node.pod_identity().await? == pod, "the pod of a node was touched");
    node.until_ready().await?;
    seen("the node kept running throughout, in the same pod");
    Ok(())
}

async fn killed(world: &World) -> anyhow::Result<()> {
    let leader = leader(world).await?;
    let began = Instant::now();
    let pods: Api<Pod> = Api::namespaced(world.client.clone(), OPERATOR);
    let at_once = DeleteParams::default().grace_period(0);
    pods.delete(&leader, &at_once).await.context("delete the leader's pod")?;
    let next = taken_over(world, &leader).await?;
    let node = Node::create(world, "after-kill", json!({})).await?;
    node.until_ready().await?;
    node.delete().await?;
    seen(format!(
        "the leader's pod {leader} killed: {next} leads after {:.0} s and continues",
        began.elapsed().as_secs_f64()
    ));
    Ok(())
}

async fn frozen(world: &World) -> anyhow::Result<()> {
    let old = leader(world).await?;
    let process = processes::of_pod("sei-operator", &old)?;
    processes::signal(&process, "STOP")?;
    let thawed = async {
        let next = taken_over(world, &old).await?;
        let node = Node::create(world, "after-freeze", json!({})).await?;
        node.until_ready().await?;
        anyhow::Ok((next, node))
    }
    .await;
    // Also after a failure: no process stays frozen.
    processes::signal(&process, "CONT")?;
    let (next, node) = thawed?;
    seen(format!("{old} frozen past its lease: {next} became the leader and reconciles"));
    until("the old leader to give up", async || {
        let ended = processes::of_pod("sei-operator", &old).map_or(true, |now| now != process);
        ensure!(ended, "process {process} of {old} still runs");
        Ok(())
    })
    .await?;
    node.delete().await?;
    let writes = audit::of(world, &audit::account(OPERATOR, RELEASE))?;
    let by = |pod: &str| {
        let pod = pod.to_owned();
        writes.iter().filter(move |call| call.is_write() && call.pod == pod && call.resource != "leases")
    };
    let first_of_next = by(&next).map(|call| &call.at).min().context("the new leader wrote nothing")?;
    let late: Vec<_> = by(&old).filter(|call| call.at > *first_of_next).collect();
    ensure!(late.is_empty(), "the old leader wrote after the new one's first: {late:?}");
    seen("resumed, the old leader exited; it wrote nothing after the first write of the new leader");
    Ok(())
}

/// Pod of the operator that holds the lease.
pub(super) async fn leader(world: &World) -> anyhow::Result<String> {
    until("a leader", async || {
        let leases: Api<Lease> = Api::namespaced(world.client.clone(), OPERATOR);
        let holder = leases.get(LEASE).await?.spec.and_then(|spec| spec.holder_identity);
        let holder = holder.filter(|holder| !holder.is_empty()).context("no process holds the lease")?;
        Ok(holder.split_once('_').map_or(holder.clone(), |(pod, _)| pod.to_owned()))
    })
    .await
}

/// The leader that follows `from`.
pub(super) async fn taken_over(world: &World, from: &str) -> anyhow::Result<String> {
    until("another leader", async || {
        let now = leader(world).await?;
        ensure!(now != from, "{from} still leads");
        Ok(now)
    })
    .await
}
