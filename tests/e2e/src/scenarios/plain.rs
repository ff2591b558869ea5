//! A node without TLS.

use anyhow::ensure;
use serde_json::json;

use crate::{nodes::Node, report::seen, world::World};

pub(super) async fn run(world: &World) -> anyhow::Result<()> {
    let node = Node::create(world, "plain", json!({})).await?;
    node.until_ready().await?;
    seen("it is Running: volume, StatefulSet and Service exist, and every task of its plan is complete");
    let names = "get pod plain-0 -n pacific-1 -o jsonpath={.spec.initContainers[*].name}";
    let containers = world.kubectl(names).await?;
    ensure!(containers == "seid-init sei-sidecar", "init containers: {containers}");
    let ports = world.kubectl("get service plain -n pacific-1 -o jsonpath={.spec.ports[*].port}").await?;
    ensure!(!ports.contains("8443"), "ports of the Service: {ports}");
    let host = node.host();
    let refused = world.run("curl", &["-ksS", &format!("https://{host}:8443/v0/healthz")]).await;
    ensure!(refused.is_err(), "something answers on 8443");
    let healthz = format!("http://{host}:7777/v0/healthz");
    world.run("curl", &["-fsS", &healthz]).await?;
    seen("it has no proxy and does not listen on :8443; its sidecar responds on :7777");
    node.delete().await?;
    seen("deleted: none of its objects are left");
    Ok(())
}
