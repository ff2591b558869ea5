//! cert-manager does what the documentation leans on.

use anyhow::{Context, ensure};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;

use crate::{
    report::seen,
    world::{World, until},
};

const NAMESPACE: &str = "e2e-certificates";

pub(super) async fn run(world: &World) -> anyhow::Result<()> {
    world.namespace(NAMESPACE).await?;
    world.apply(include_str!("../../manifests/authority.yaml")).await?;
    let secrets: Api<Secret> = Api::namespaced(world.client.clone(), NAMESPACE);
    let secret = until("the leaf's Secret", async || {
        let secret = secrets.get("leaf-tls").await?;
        ensure!(secret.data.as_ref().is_some_and(|data| data.contains_key("tls.crt")), "no tls.crt yet");
        Ok(secret)
    })
    .await?;
    ensure!(secret.type_.as_deref() == Some("kubernetes.io/tls"), "its type is {:?}", secret.type_);
    let data = secret.data.context("the Secret has no data")?;
    let authority = secrets.get("authority").await?.data.context("the authority has no data")?;
    ensure!(data.contains_key("tls.key"), "the Secret has no tls.key");
    ensure!(data.get("ca.crt") == authority.get("tls.crt"), "ca.crt is not the authority's certificate");
    seen("a leaf is in a Secret of type kubernetes.io/tls, with the CA that signed it");
    world.kubectl("-n e2e-certificates wait certificate/leaf --for=condition=Ready --timeout=30s").await?;
    seen("its Certificate says Ready");
    world.kubectl("delete namespace e2e-certificates --wait").await?;
    Ok(())
}
