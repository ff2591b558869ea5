//! The TLS Secret of a Running node is deleted and made invalid.

use std::time::Instant;

use anyhow::ensure;
use k8s_openapi::api::core::v1::Secret;
use kube::api::DeleteParams;
use sei_api::{conditions::ConditionType, v1alpha1::NodePhase};
use serde_json::json;

use super::manual_secret;
use crate::{
    docs::Reader,
    nodes::{NAMESPACE, Node, condition, current_image, phase},
    report::seen,
    world::{World, until},
};

/// A poll would take longer; an event takes a fraction of it, also while other scenarios run.
const AT_ONCE: f64 = 5.0;

pub(super) async fn run(world: &World) -> anyhow::Result<()> {
    let node = manual_secret::node(world).await?;
    let [a, b] = &world.images.seid;
    node.change(json!({ "image": a })).await?;
    node.until_ready().await?;
    let pod = node.pod_identity().await?;
    let events = node.events().await?.len();

    let began = Instant::now();
    node.beside::<Secret>().delete("manual-secret-tls", &DeleteParams::default()).await?;
    verdict(&node, "False/TLSSecretNotFound", began).await?;
    until("the event", async || {
        let events_now = node.events().await?;
        let is_reported =
            events_now[events.min(events_now.len())..].iter().any(|it| it == "SidecarTLSSecretNotReady");
        ensure!(is_reported, "no event SidecarTLSSecretNotReady");
        Ok(())
    })
    .await?;
    seen("a Warning event reports it");

    node.change(json!({ "image": b })).await?;
    node.until_waiting("WaitingForTLSSecret").await?;
    let held = node.api().get(node.name).await?;
    ensure!(phase(&held) == Some(NodePhase::Running), "its phase is {:?}", phase(&held));
    ensure!(current_image(&held) == Some(a.as_str()), "it was updated without a Secret");
    ensure!(node.pod_identity().await? == pod, "the pod was touched");
    seen("the pod is unchanged, and the image update waits and reports what for");

    // Names of another node.
    let began = Instant::now();
    let reader = Reader::new(world)?;
    reader.run("tls-procedures", "secret-by-hand", "other").await?;
    let files = reader.folder().display();
    world
        .kubectl(&format!(
            "create secret tls manual-secret-tls -n {NAMESPACE} --cert={files}/tls.crt --key={files}/tls.key"
        ))
        .await?;
    verdict(&node, "False/TLSSecretSANsMismatch", began).await?;
    ensure!(node.pod_identity().await? == pod, "the pod was touched");

    let began = Instant::now();
    reader.run("tls-procedures", "renew-by-hand", node.name).await?;
    verdict(&node, "True/TLSSecretReady", began).await?;
    let ready = node.until_ready().await?;
    ensure!(current_image(&ready) == Some(b.as_str()), "the update was forgotten");
    seen("the Secret is valid again, and the waiting update runs");
    world.kubectl(&format!("delete secret other-tls -n {NAMESPACE}")).await?;
    Ok(())
}

async fn verdict(node: &Node<'_>, expected: &str, began: Instant) -> anyhow::Result<()> {
    let kind = ConditionType::SidecarTlsSecretReady;
    node.until(expected, |node| condition(node, kind).as_deref() == Some(expected)).await?;
    let took = began.elapsed().as_secs_f64();
    ensure!(took < AT_ONCE, "the condition took {took:.1} s: it was polled, not watched");
    seen(format!("{expected} after {took:.2} s"));
    Ok(())
}
