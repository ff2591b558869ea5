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
    let right = Node::create_as(world, "right", json!({ "pair": "right" }), peers("left")).await?;
    for (node, other) in [(&left, &right), (&right, &left)] {
        let ready = node.until_ready().await?;
        let resolved = ready.status.and_then(|status| status.resolved_peers).unwrap_or_default();
        let address = format!("@{}:26656", other.host());
        ensure!(resolved.len() == 1 && resolved[0].ends_with(&address), "{} found {resolved:?}", node.name);
        let exec = format!("exec -n {NAMESPACE} {}-0 -c seid -- cat /.sei/config/config.toml", node.name);
        let config = world.kubectl(&exec).await?;
        ensure!(config.contains(&resolved[0]), "{} is not configured with {resolved:?}: {config}", node.name);
    }
    seen("both are Ready, and each has the other as a peer");
    left.delete().await?;
    right.delete().await?;
    Ok(())
}
