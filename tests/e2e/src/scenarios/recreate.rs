//! TLS is enabled and disabled on an existing node with its volume, as documented.

use anyhow::{Context, ensure};
use serde_json::json;

use crate::{
    docs::Reader,
    nodes::{NAMESPACE, Node},
    report::seen,
    world::World,
};

const PAGE: &str = "tls-procedures";

pub(super) async fn run(world: &World) -> anyhow::Result<()> {
    let node = Node::create(world, "moved", json!({})).await?;
    node.until_ready().await?;
    let volume = volume(&node).await?;
    mark(&node, "written before").await?;

    let reader = Reader::new(world)?;
    for block in ["keep-volume", "delete-node", "recreate-with-tls", "renew-by-hand", "wait-for-ready"] {
        reader.run(PAGE, block, node.name).await?;
    }
    ensure!(containers(&node).await?.contains("kube-rbac-proxy"), "it has no proxy");
    ensure!(self::volume(&node).await? == volume, "it has another volume");
    ensure!(read(&node).await? == "written before", "the data is not what it was");
    seen("TLS enabled: deleted and recreated with the documented steps, and its data is kept");

    for block in ["delete-node", "recreate-without-tls", "wait-for-ready"] {
        reader.run(PAGE, block, node.name).await?;
    }
    ensure!(!containers(&node).await?.contains("kube-rbac-proxy"), "it has a proxy");
    ensure!(self::volume(&node).await? == volume, "it has another volume");
    ensure!(read(&node).await? == "written before", "the data is not what it was");
    seen("TLS disabled again in the same way, and its data is kept");

    reader.run(PAGE, "delete-node", node.name).await?;
    ensure!(self::volume(&node).await? == volume, "an imported volume was deleted with its node");
    world.kubectl(&format!("delete pvc data-moved -n {NAMESPACE} --wait")).await?;
    world.kubectl(&format!("delete secret moved-tls -n {NAMESPACE}")).await?;
    seen("deleted: the imported volume is kept");
    Ok(())
}

async fn containers(node: &Node<'_>) -> anyhow::Result<String> {
    let names =
        format!("get pod {}-0 -n {NAMESPACE} -o jsonpath={{.spec.initContainers[*].name}}", node.name);
    node.world.kubectl(&names).await
}

/// Name of the volume behind its claim.
async fn volume(node: &Node<'_>) -> anyhow::Result<String> {
    let name = format!("get pvc data-{} -n {NAMESPACE} -o jsonpath={{.spec.volumeName}}", node.name);
    let name = node.world.kubectl(&name).await?;
    (!name.is_empty()).then_some(name).context("the claim is not bound")
}

/// Writes a file to the volume.
async fn mark(node: &Node<'_>, text: &str) -> anyhow::Result<()> {
    seid(node, &format!("echo '{text}' > /.sei/mark")).await?;
    Ok(())
}

async fn read(node: &Node<'_>) -> anyhow::Result<String> {
    seid(node, "cat /.sei/mark").await
}

async fn seid(node: &Node<'_>, script: &str) -> anyhow::Result<String> {
    let pod = format!("{}-0", node.name);
    node.world.run("kubectl", &["exec", "-n", NAMESPACE, &pod, "-c", "seid", "--", "sh", "-c", script]).await
}
