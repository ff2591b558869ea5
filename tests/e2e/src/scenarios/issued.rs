//! A node with TLS whose Secret cert-manager creates and renews.

use anyhow::{Context, ensure};
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api,
    api::{Patch, PatchParams},
    core::{ApiResource, DynamicObject, GroupVersionKind},
};
use sei_api::conditions::ConditionType;
use serde_json::json;

use super::manual_secret::{check_waiting, tls};
use crate::{
    docs::Reader,
    nodes::{NAMESPACE, Node, condition},
    report::seen,
    world::{World, until},
};

pub(super) async fn run(world: &World) -> anyhow::Result<()> {
    world.kubectl(&format!("delete secret,certificate issued-tls -n {NAMESPACE} --ignore-not-found")).await?;
    let node = Node::create(world, "issued", tls("issued-tls")).await?;
    check_waiting(&node).await?;
    seen("without its Secret it stays Pending and lists the required names");
    let reader = Reader::new(world)?;
    reader.run("tls-procedures", "issuer", node.name).await?;
    reader.run("tls-procedures", "certificates", node.name).await?;
    node.until_ready().await?;
    seen("cert-manager issues for those names, and the node continues to Running without manual steps");
    renewal(&node, &reader).await
}

/// The node of [`run`], created if necessary.
pub(super) async fn node(world: &World) -> anyhow::Result<Node<'_>> {
    let node = Node::of(world, "issued");
    if node.api().get_opt(node.name).await?.is_none() {
        run(world).await?;
    }
    node.until_ready().await?;
    Ok(node)
}

async fn renewal(node: &Node<'_>, reader: &Reader<'_>) -> anyhow::Result<()> {
    let pod = node.pod_identity().await?;
    let ca = reader.folder().join("ca.crt");
    let secret = node.beside::<Secret>().get("issued-tls").await?.data.context("the Secret has no data")?;
    let authority = secret.get("ca.crt").context("cert-manager wrote no ca.crt")?;
    std::fs::write(&ca, &authority.0).context("write ca.crt")?;
    let before = served(node, &ca.display().to_string()).await?;

    // The same as `cmctl renew`.
    let kind = GroupVersionKind::gvk("cert-manager.io", "v1", "Certificate");
    let certificates: Api<DynamicObject> =
        Api::namespaced_with(node.world.client.clone(), NAMESPACE, &ApiResource::from_gvk(&kind));
    let wish = json!({ "status": { "conditions": [{
        "type": "Issuing", "status": "True", "reason": "ManuallyTriggered", "message": "renew",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }]}});
    certificates.patch_status("issued-tls", &PatchParams::default(), &Patch::Merge(wish)).await?;
    let after = until("the proxy to serve the renewed certificate", async || {
        let calm = node.api().get(node.name).await?;
        for kind in [ConditionType::SidecarReady, ConditionType::SidecarTlsSecretReady, ConditionType::Ready]
        {
            let truth = condition(&calm, kind).unwrap_or_default();
            ensure!(truth.starts_with("True/"), "{} is {truth}", kind.as_str());
        }
        let now = served(node, &ca.display().to_string()).await?;
        ensure!(now != before, "it is still {now}");
        Ok(now)
    })
    .await?;
    seen(format!("renewed by cert-manager: the proxy served {before}, and now serves {after}"));
    ensure!(node.pod_identity().await? == pod, "a container was restarted by the renewal");
    let node = node.until_ready().await?;
    let sidecar = condition(&node, ConditionType::SidecarReady);
    ensure!(sidecar.as_deref() == Some("True/Ready"), "SidecarReady is {sidecar:?}");
    seen("the same pod, without a restart, and the node stayed Ready");
    Ok(())
}

/// Serial number of the certificate that the proxy serves, after verification.
async fn served(node: &Node<'_>, ca: &str) -> anyhow::Result<String> {
    let host = node.host();
    let script = format!(
        "openssl s_client -connect {host}:8443 -servername {host} -verify_hostname {host} -CAfile {ca} -verify_return_error </dev/null 2>/dev/null | openssl x509 -noout -serial"
    );
    node.world.run("sh", &["-c", &script]).await
}
