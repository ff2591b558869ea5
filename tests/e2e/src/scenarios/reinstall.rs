//! The operator is uninstalled and reinstalled, without effect on nodes and their data.

use anyhow::ensure;
use k8s_openapi::api::apps::v1::StatefulSet;
use kube::{Api, api::DeleteParams};
use serde_json::json;

use super::{
    install::{OPERATOR, RELEASE, install},
    manual_secret, permissions,
};
use crate::{
    docs::Reader,
    nodes::{NAMESPACE, Node},
    report::seen,
    world::{World, until},
};

pub(super) async fn run(world: &World) -> anyhow::Result<()> {
    let node = manual_secret::node(world).await?;
    let pod = node.pod_identity().await?;
    let sets: Api<StatefulSet> = Api::namespaced(world.client.clone(), NAMESPACE);
    let generation = sets.get("manual-secret").await?.metadata.generation;

    Reader::new(world)?.run_with("install", "helm-uninstall", &[]).await?;
    until("the operators to be gone", async || {
        let left = world.kubectl(&format!("get pods -n {OPERATOR} -o name")).await?;
        ensure!(left.is_empty(), "left: {left}");
        Ok(())
    })
    .await?;
    // Its permissions were removed before it exited: the lease could not be released.
    let last = permissions::requests(world)?.into_iter().map(|call| call.at).max().unwrap_or_default();
    ensure!(node.pod_identity().await? == pod, "the pod of a node was touched");
    world.kubectl(&format!("get seinode/manual-secret pvc/data-manual-secret -n {NAMESPACE}")).await?;
    seen("uninstalled: the node keeps running; SeiNode, CRD and volume still exist");

    // Narrower than before: one namespace, and only named Secrets.
    let narrow = json!({
        "watchNamespaces": [NAMESPACE],
        "secretAccess": "named",
        "namedSecrets": [{ "namespace": NAMESPACE, "names": ["manual-secret-tls", "issued-tls"] }],
    });
    install(world, narrow).await?;
    let services: Api<k8s_openapi::api::core::v1::Service> = Api::namespaced(world.client.clone(), NAMESPACE);
    services.delete("manual-secret", &DeleteParams::default()).await?;
    until("the Service to be recreated", async || {
        ensure!(services.get_opt("manual-secret").await?.is_some(), "it is not there");
        Ok(())
    })
    .await?;
    node.until_ready().await?;
    ensure!(node.pod_identity().await? == pod, "the pod of a node was touched");
    ensure!(
        sets.get("manual-secret").await?.metadata.generation == generation,
        "the StatefulSet was written"
    );
    seen(format!(
        "reinstalled as {RELEASE} for one namespace with named Secrets: it adopts the node unchanged"
    ));
    let fresh = Node::create(world, "fresh", json!({})).await?;
    fresh.until_ready().await?;
    fresh.delete().await?;
    seen("the reinstalled operator also brings up new nodes");
    permissions::none_denied(world, &last)?;
    Ok(())
}
