//! The output of kubectl for users.

use anyhow::{Context, ensure};

use super::manual_secret;
use crate::{nodes::NAMESPACE, report::seen, world::World};

pub(super) async fn run(world: &World) -> anyhow::Result<()> {
    let node = manual_secret::node(world).await?;
    let table = world.kubectl(&format!("get seinode manual-secret -n {NAMESPACE}")).await?;
    let (head, row) = table.split_once('\n').context("kubectl get has no row")?;
    for column in ["READY", "PHASE", "REASON", "IMAGE", "TLS", "AGE"] {
        ensure!(head.contains(column), "kubectl get has no column {column}: {head}");
    }
    for value in ["True", "Running", "e2e.local/seid"] {
        ensure!(row.contains(value), "kubectl get does not say {value}: {row}");
    }
    seen(format!("kubectl get seinode:\n      {head}\n      {row}"));
    let wait = format!("wait snode/manual-secret -n {NAMESPACE} --for=condition=Ready --timeout=5s");
    world.kubectl(&wait).await?;
    seen("kubectl wait --for=condition=Ready works, also with the short name");
    let description = world.kubectl(&format!("describe seinode manual-secret -n {NAMESPACE}")).await?;
    let (_, events) = description.split_once("Events:").context("kubectl describe has no events")?;
    let reasons = node.events().await?;
    for reason in ["PhaseTransition", "SidecarTLSSecretNotReady", "SidecarTLSSecretReady"] {
        ensure!(events.contains(reason), "kubectl describe does not show {reason}; events: {reasons:?}");
    }
    let lines: Vec<_> = events.lines().skip(3).take(6).map(str::trim).collect();
    seen(format!("kubectl describe shows the events in order:\n      {}", lines.join("\n      ")));
    Ok(())
}
