//! Two nodes that find each other by label.

use anyhow::ensure;
use serde_json::json;

use crate::{
    nodes::{NAMESPACE, Node},
    report::seen,
    world::World,
};

pub(super) async fn run(world: &World) -> anyhow::Result<()> {
    let peers =
        |other: &str| json!({ "fullNode": {}, "peers": [{ "label": { "selector": { "pair": other } } }] });
    let left = Node::create_as(world, "left", json!({ "pair": "left" }), peers("right")).await?;
    let words = left.until_waiting("WaitingForPeers").await?;
    seen(format!("the first waits for the second: {words}"));
    let right = Node::create_as(world, "right", json!({ "pair": "right" }), peers("left")).await?;
    for (node, other) in [(&left, &right), (&right, &left)] {
        let ready = node.until_ready().await?;
        let resolved = ready.status.and_then(|status| status.resolved_peers).unwrap_or_default();
        ensure!(resolved == [other.host()], "{} found {resolved:?}", node.name);
    }
    let exec = format!("exec -n {NAMESPACE} right-0 -c seid -- cat /.sei/config/config.toml");
    let config = world.kubectl(&exec).await?;
    ensure!(config.contains(&left.host()), "the second is not configured with the first: {config}");
    seen("both are Ready: the first started without peers, and the second is configured with it");
    left.delete().await?;
    right.delete().await?;
    Ok(())
}
