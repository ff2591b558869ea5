//! The steps, each of which has to be seen.

use std::time::Duration;

use anyhow::{Context, bail};
use futures::StreamExt;
use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret, Service},
};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
    core::NamespaceResourceScope,
    runtime::{WatchStreamExt, watcher},
};
use sei_api::{SeiNode, conditions::ConditionType, v1alpha1::NodePhase};
use sei_testkit::{
    builders,
    certs::Authority,
    cluster::{Cluster, NAMESPACE},
};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::show::{self, Watcher};

/// The image of all nodes at first.
pub(super) const IMAGE: &str = "ghcr.io/sei-protocol/sei:v6.4.1";
const PLAIN: &str = "plain-0";
const TLS: &str = "rpc-0";
const SECRET: &str = "rpc-0-tls";
/// Long enough for a slow machine.
const PATIENCE: Duration = Duration::from_secs(90);

pub(super) async fn all(cluster: &Cluster) -> anyhow::Result<()> {
    // Slow enough to be read.
    for node in [PLAIN, TLS] {
        cluster.simulator.faults(&Cluster::host(node), |faults| faults.delay = Duration::from_millis(400));
    }
    let mut watcher = Watcher::new();
    let w = &mut watcher;
    show::title(&format!("two SeiNodes: {PLAIN}, and {TLS} with spec.sidecar.tls.secretName: {SECRET}"));
    create_both(cluster).await?;
    let held = until(cluster, w, |nodes| condition_is(nodes, "False", "TLSSecretNotFound")).await?;
    let node = held.iter().find(|node| node.name_any() == TLS).context("the TLS node")?;
    let status = node.status.as_ref().context("status")?;
    let names = status.sidecar_tls.as_ref().context("status.sidecarTLS")?.required_dns_names.clone();
    if status.phase != Some(NodePhase::Pending) || status.plan.is_some() {
        bail!("{TLS} must be Pending without a plan, and is {:?}", status.phase);
    }
    show::seen(&format!("{TLS} is held Pending; its certificate needs {}", names.join(" and ")));

    until(cluster, w, |nodes| is_running(nodes, PLAIN)).await?;
    show::title("the Secret is created");
    let authority = Authority::new("a certificate authority")?;
    put_secret(cluster, &authority, &names).await?;
    until(cluster, w, |nodes| is_running(nodes, PLAIN) && is_running(nodes, TLS)).await?;
    show::seen("both are Running; every call to the TLS node's sidecar was verified and had its own token");

    show::title("TLS is immutable");
    let patch = json!({ "spec": { "sidecar": { "tls": null } } });
    match cluster.nodes().patch(TLS, &PatchParams::default(), &Patch::Merge(&patch)).await {
        Ok(_) => bail!("the API server let spec.sidecar.tls be removed"),
        Err(kube::Error::Api(refusal)) => show::seen(&format!("removing it is refused: {}", refusal.message)),
        Err(error) => return Err(error).context("remove spec.sidecar.tls"),
    }

    show::title("the Secret of the Running node breaks and is repaired");
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    let pod = pods.get(&format!("{TLS}-0")).await.context("the pod of the TLS node")?.uid();
    put_secret(cluster, &authority, &["other.example".to_owned()]).await?;
    until(cluster, w, |nodes| condition_is(nodes, "False", "TLSSecretSANsMismatch")).await?;
    put_secret(cluster, &authority, &names).await?;
    until(cluster, w, |nodes| condition_is(nodes, "True", "TLSSecretReady")).await?;
    if pods.get(&format!("{TLS}-0")).await.context("the pod of the TLS node")?.uid() != pod {
        bail!("the pod of {TLS} was touched");
    }
    show::seen("the condition fell and recovered; the pod is the same");

    show::title("both are deleted");
    for name in [PLAIN, TLS] {
        cluster.nodes().delete(name, &DeleteParams::default()).await.context("delete")?;
    }
    nothing_left(cluster).await?;
    show::seen("no SeiNode, StatefulSet, pod, Service, ConfigMap or volume claim is left; the Secret is");
    Ok(())
}

/// Makes the two nodes.
pub(super) async fn create_both(cluster: &Cluster) -> anyhow::Result<()> {
    create(cluster, PLAIN, builders::full_node(IMAGE)).await?;
    create(cluster, TLS, builders::tls_full_node(IMAGE, SECRET)).await
}

async fn create(cluster: &Cluster, name: &str, spec: serde_json::Value) -> anyhow::Result<()> {
    let node = builders::node(NAMESPACE, name, spec)?;
    cluster.nodes().create(&PostParams::default(), &node).await.with_context(|| format!("create {name}"))?;
    Ok(())
}

async fn put_secret(cluster: &Cluster, authority: &Authority, names: &[String]) -> anyhow::Result<()> {
    let secret = builders::tls_secret(NAMESPACE, SECRET, &authority.issue(names)?, &authority.pem())?;
    let api: Api<Secret> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    let params = PatchParams::apply("demo").force();
    api.patch(SECRET, &params, &Patch::Apply(&secret)).await.context("apply the Secret")?;
    Ok(())
}

/// Shows what happens until the nodes are as wanted.
async fn until(
    cluster: &Cluster,
    shown: &mut Watcher,
    wanted: impl Fn(&[SeiNode]) -> bool,
) -> anyhow::Result<Vec<SeiNode>> {
    let mut nodes: Vec<SeiNode> = Vec::new();
    follow(cluster, |node| {
        shown.show(&node);
        nodes.retain(|known| known.name_any() != node.name_any());
        nodes.push(node);
        wanted(&nodes)
    })
    .await?;
    Ok(nodes)
}

/// Watches the nodes until `is_done` says so of a change.
pub(super) async fn follow(
    cluster: &Cluster,
    mut is_done: impl FnMut(SeiNode) -> bool,
) -> anyhow::Result<()> {
    let mut events =
        watcher(cluster.nodes(), watcher::Config::default()).default_backoff().applied_objects().boxed();
    let done = async {
        while let Some(event) = events.next().await {
            // A broken watch restarts automatically.
            let Ok(node) = event else { continue };
            if is_done(node) {
                return Ok(());
            }
        }
        bail!("the watch ended")
    };
    tokio::time::timeout(PATIENCE, done).await.context("this step took too long")?
}

fn is_running(nodes: &[SeiNode], name: &str) -> bool {
    let phase = |node: &SeiNode| node.status.as_ref().and_then(|status| status.phase);
    nodes.iter().any(|node| node.name_any() == name && phase(node) == Some(NodePhase::Running))
}

fn condition_is(nodes: &[SeiNode], status: &str, reason: &str) -> bool {
    let is = |node: &SeiNode| {
        let condition = node.status.as_ref()?.condition(ConditionType::SidecarTlsSecretReady)?;
        Some(condition.status == status && condition.reason == reason)
    };
    nodes.iter().any(|node| node.name_any() == TLS && is(node) == Some(true))
}

/// Waits until no object of a node is left.
pub(super) async fn nothing_left(cluster: &Cluster) -> anyhow::Result<()> {
    let gone = async {
        loop {
            let left = left::<SeiNode>(cluster).await?
                + left::<StatefulSet>(cluster).await?
                + left::<Pod>(cluster).await?
                + left::<Service>(cluster).await?
                + left::<PersistentVolumeClaim>(cluster).await?
                + left::<ConfigMap>(cluster).await?;
            if left == 0 {
                return anyhow::Ok(());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.context("something is left of the nodes")?
}

async fn left<K>(cluster: &Cluster) -> anyhow::Result<usize>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    Ok(api
        .list(&ListParams::default())
        .await
        .with_context(|| format!("list {}", K::plural(&())))?
        .items
        .len())
}
