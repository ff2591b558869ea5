//! A node that is restored from a snapshot by a bootstrap Job, behind TLS.

use anyhow::{Context, ensure};
use k8s_openapi::api::batch::v1::Job;
use serde_json::json;

use super::manual_secret::{self, tls};
use crate::{
    docs::Reader,
    nodes::{NAMESPACE, Node, merged},
    report::seen,
    world::{World, until},
};

/// Height of the snapshot in the bucket.
const HEIGHT: u64 = 200;
/// Used as the ID of a peer; no scenario reads it.
const PEER_ID: &str = "0123456789abcdef0123456789abcdef01234567";

pub(super) async fn run(world: &World) -> anyhow::Result<()> {
    let peer = manual_secret::node(world).await?;
    let reader = Reader::new(world)?;
    reader.run("tls-procedures", "renew-by-hand", "restored").await?;
    let [a, b] = &world.images.seid;
    let snapshot = json!({
        "image": b,
        // State sync queries a peer for the trusted block.
        "peers": [{ "static": { "addresses": [format!("{PEER_ID}@{}:26656", peer.host())] } }],
        "fullNode": { "snapshot": { "s3": { "targetHeight": HEIGHT }, "bootstrapImage": a } },
    });
    let node = Node::create(world, "restored", merged(snapshot, tls("restored-tls"))).await?;
    let job = until("the Job's pod to run", async || {
        let job = node.beside::<Job>().get("restored-bootstrap").await?;
        ensure!(job.status.as_ref().and_then(|status| status.active) == Some(1), "it has no pod yet");
        Ok(job)
    })
    .await?;
    let pod = job.spec.and_then(|spec| spec.template.spec).context("the Job has no pod")?;
    let proxied = pod.init_containers.iter().flatten().any(|container| container.name == "kube-rbac-proxy");
    ensure!(proxied, "the Job's pod has no proxy");
    seen("the Job runs the old image under the restricted standard, with its own proxy");
    node.until_ready().await?;
    ensure!(node.beside::<Job>().get_opt("restored-bootstrap").await?.is_none(), "the Job is left");
    let exec = ["exec", "-n", NAMESPACE, "restored-0", "-c", "seid", "--", "cat", "/.sei/data/height"];
    let height: u64 = world.run("kubectl", &exec).await?.trim().parse().context("read the height")?;
    ensure!(height >= HEIGHT, "it is at height {height}");
    seen(format!(
        "it halted at the height, Job and Service were deleted, and the node continues from {height} with the new image"
    ));
    node.delete().await?;
    world.kubectl(&format!("delete secret restored-tls -n {NAMESPACE}")).await?;
    Ok(())
}
