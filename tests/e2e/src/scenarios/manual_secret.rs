//! A node with TLS whose Secret is created manually.

use anyhow::{Context, ensure};
use sei_api::{conditions::ConditionType, v1alpha1::NodePhase};
use serde_json::json;

use crate::{
    docs::Reader,
    nodes::{NAMESPACE, Node, condition, message, phase},
    report::seen,
    world::World,
};

pub(super) async fn run(world: &World) -> anyhow::Result<()> {
    world
        .kubectl(&format!("delete secret,certificate manual-secret-tls -n {NAMESPACE} --ignore-not-found"))
        .await?;
    let node = Node::create(world, "manual-secret", tls("manual-secret-tls")).await?;
    check_waiting(&node).await?;
    seen("without its Secret it stays Pending, and its status lists the names that the certificate needs");

    let reader = Reader::new(world)?;
    reader.run("tls-procedures", "secret-by-hand", node.name).await?;
    reader.run("tls-procedures", "wait-for-ready", node.name).await?;
    seen("once the Secret exists the node continues to Running");

    let ca = reader.folder().join("tls.crt").display().to_string();
    for name in [node.host(), format!("manual-secret.{}.svc.cluster.local", NAMESPACE)] {
        let healthz = format!("https://{name}:8443/v0/healthz");
        world.run("curl", &["-fsS", "--cacert", &ca, &healthz]).await?;
    }
    seen("its pod serves on :8443 under both names, with that certificate");
    Ok(())
}

/// The node of [`run`], created if necessary.
pub(super) async fn node(world: &World) -> anyhow::Result<Node<'_>> {
    let node = Node::of(world, "manual-secret");
    if node.api().get_opt(node.name).await?.is_none() {
        run(world).await?;
    }
    node.until_ready().await?;
    Ok(node)
}

/// The part of a spec that enables TLS.
pub(super) fn tls(secret: &str) -> serde_json::Value {
    json!({ "sidecar": { "tls": { "secretName": secret } } })
}

/// Checks that a node waits for its Secret, and reports the required names.
pub(super) async fn check_waiting(node: &Node<'_>) -> anyhow::Result<()> {
    node.until_waiting("WaitingForTLSSecret").await?;
    let held = node.api().get(node.name).await?;
    ensure!(phase(&held) == Some(NodePhase::Pending), "its phase is {:?}", phase(&held));
    let verdict = condition(&held, ConditionType::SidecarTlsSecretReady);
    ensure!(verdict.as_deref() == Some("False/TLSSecretNotFound"), "the verdict is {verdict:?}");
    let published = held.status.as_ref().and_then(|status| status.sidecar_tls.clone());
    let names = published.context("status.sidecarTLS is missing")?.required_dns_names;
    ensure!(names.contains(&node.host()) && names.len() == 2, "the names are {names:?}");
    let words = message(&held, ConditionType::Ready);
    ensure!(names.iter().all(|name| words.contains(name)), "Ready does not name them: {words}");
    ensure!(node.pod().await.is_err(), "a pod was created before the Secret existed");
    Ok(())
}
