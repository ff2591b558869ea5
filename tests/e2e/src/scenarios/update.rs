//! The image of a node is changed, reverted, and set to one that does not exist.

use anyhow::ensure;
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use super::issued;
use crate::{
    nodes::{Node, current_image},
    report::seen,
    world::World,
};

pub(super) async fn run(world: &World) -> anyhow::Result<()> {
    let node = issued::node(world).await?;
    let [a, b] = &world.images.seid;
    let first = node.pod_identity().await?;
    to(&node, b).await?;
    ensure!(node.pod_identity().await?.0 != first.0, "the pod is still the same");
    seen("A → B: the pod was replaced once and runs B");
    to(&node, a).await?;
    seen("B → A: changed back");

    node.change(json!({ "image": "e2e.local/seid:none" })).await?;
    let words = node.until("the pull to fail", |node| {
        let words = crate::nodes::message(node, sei_api::conditions::ConditionType::Ready);
        words.contains("e2e.local/seid:none") && words.contains("Pull")
    });
    words.await?;
    seen("an image that does not exist: the condition has the kubelet's message");
    to(&node, b).await?;
    seen("corrected: it runs the existing image");
    Ok(())
}

async fn to(node: &Node<'_>, image: &str) -> anyhow::Result<()> {
    node.change(json!({ "image": image })).await?;
    let ready = node.until_ready().await?;
    ensure!(current_image(&ready) == Some(image), "currentImage is {:?}", current_image(&ready));
    let runs = seid_image(&node.pod().await?);
    ensure!(runs.as_deref() == Some(image), "the pod runs {runs:?}");
    Ok(())
}

fn seid_image(pod: &Pod) -> Option<String> {
    let containers = &pod.spec.as_ref()?.containers;
    containers.iter().find(|container| container.name == "seid")?.image.clone()
}
