//! The pictures of the documentation that show real runs: recordings of a terminal, and the dashboard with the values of a
//! Prometheus. The other pictures are drawn from the code, by `cargo xtask crd-gen`.

mod dashboard;
mod terminal;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use sei_api::{SeiNodeDeployment, conditions::ConditionType};
use sei_testkit::{
    builders,
    cluster::{NAMESPACE, certificate_names},
    volumes,
};
use serde_json::json;

use crate::{
    fleet::{Fleet, IMAGE, condition},
    workspace,
};

const NODES: usize = 8;
const GROUP: &str = "fleet";
const REPLICAS: usize = 3;
const NEXT: &str = "ghcr.io/sei-protocol/sei:v6.5.0";
/// The node whose Secret breaks, and one without TLS.
const BROKEN: &str = "rpc-1";
const PLAIN: &str = "state-1";
/// Time for Prometheus to see a state.
const SHOWN: Duration = Duration::from_secs(10);

/// Writes the pictures.
pub(crate) fn run() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    runtime.block_on(fleet_pictures())?;
    let xtask = std::env::current_exe().context("find xtask")?;
    let demo = terminal::record("cargo xtask demo", &format!("{} demo", xtask.display()), &[])?;
    write("demo", &terminal::svg(&demo))
}

async fn fleet_pictures() -> anyhow::Result<()> {
    let fleet = Fleet::start().await?;
    fleet.prometheus.ready().await?;
    let from = now()?;
    tokio::time::sleep(SHOWN).await;
    create_group(&fleet).await?;
    fleet.create(NODES).await?;
    tokio::time::sleep(SHOWN).await;

    fleet.put_secret(BROKEN, &["other.example".to_owned()]).await?;
    let is = |status: &'static str| {
        move |node: &_| condition(node, ConditionType::SidecarTlsSecretReady) == Some(status)
    };
    fleet.until(BROKEN, "has a broken Secret", is("False")).await?;
    tokio::time::sleep(SHOWN).await;
    record(&fleet, "status", "status -A")?;
    record(&fleet, "status-node", &format!("status -n {NAMESPACE} {BROKEN}"))?;
    fleet.put_secret(BROKEN, &certificate_names(BROKEN)).await?;
    fleet.until(BROKEN, "has a valid Secret", is("True")).await?;

    volumes::bind(&fleet.cluster, PLAIN, "Retain").await?;
    fleet.put_secret(PLAIN, &certificate_names(PLAIN)).await?;
    record(&fleet, "tls-plan", &format!("tls plan -n {NAMESPACE} {PLAIN}"))?;

    update_group(&fleet).await?;
    tokio::time::sleep(SHOWN).await;
    let source = std::fs::read(workspace()?.join("deploy/dashboards/sei-operator.json"))?;
    let dashboard = serde_json::from_slice(&source).context("read the dashboard")?;
    write("dashboard", &dashboard::svg(&dashboard, &fleet.prometheus, from, now()?)?)
}

async fn create_group(fleet: &Fleet) -> anyhow::Result<()> {
    for index in 0..REPLICAS {
        fleet.slow_down(&format!("{GROUP}-{index}"));
    }
    let group: SeiNodeDeployment = serde_json::from_value(json!({
        "apiVersion": "sei.io/v1alpha1", "kind": "SeiNodeDeployment", "metadata": { "name": GROUP },
        "spec": { "replicas": REPLICAS, "template": { "spec": builders::full_node(IMAGE) } },
    }))
    .context("write the group")?;
    groups(fleet).create(&PostParams::default(), &group).await.context("create the group")?;
    Ok(())
}

/// Changes the image of the group, and waits until all of its nodes run it.
async fn update_group(fleet: &Fleet) -> anyhow::Result<()> {
    let patch = json!({ "spec": { "template": { "spec": { "image": NEXT } } } });
    let patched = groups(fleet).patch(GROUP, &PatchParams::default(), &Patch::Merge(&patch)).await;
    patched.context("change the image of the group")?;
    let is_updated = |node: &sei_api::SeiNode| {
        let current = node.status.as_ref().and_then(|status| status.current_image.as_deref());
        condition(node, ConditionType::Ready) == Some("True") && current == Some(NEXT)
    };
    for index in 0..REPLICAS {
        fleet.until(&format!("{GROUP}-{index}"), "runs the next image", is_updated).await?;
    }
    Ok(())
}

fn groups(fleet: &Fleet) -> Api<SeiNodeDeployment> {
    Api::namespaced(fleet.cluster.client.clone(), NAMESPACE)
}

/// Records a command of the operator's program.
fn record(fleet: &Fleet, picture: &str, arguments: &str) -> anyhow::Result<()> {
    let command = format!("{} {arguments}", fleet.binary.display());
    let kubeconfig = fleet.cluster.plane.kubeconfig();
    let shown = format!("sei-operator {arguments}");
    let recording = terminal::record(&shown, &command, &[("KUBECONFIG", &kubeconfig)])?;
    write(picture, &terminal::svg(&recording))
}

fn write(name: &str, svg: &str) -> anyhow::Result<()> {
    let path = workspace()?.join("docs/pictures").join(name).with_extension("svg");
    std::fs::write(&path, svg).with_context(|| format!("write {}", path.display()))?;
    println!("wrote {}", path.display());
    Ok(())
}

fn now() -> anyhow::Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}
