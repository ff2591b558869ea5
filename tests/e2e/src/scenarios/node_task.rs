//! A SeiNodeTask that restarts seid of a node with TLS, while the operator is killed.

use anyhow::{Context, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, PostParams},
};
use sei_api::{
    SeiNodeTask, SeiNodeTaskStatus, task_conditions::ConditionType, v1alpha1::task::NodeTaskPhase,
};
use serde_json::json;

use super::{
    install::OPERATOR,
    replicas::{leader, taken_over},
};
use crate::{
    docs::Reader,
    nodes::{NAMESPACE, Node},
    report::seen,
    world::{World, until},
};

const NAME: &str = "restart-seid";
/// How long the finished task is kept.
const KEPT: i64 = 15;

pub(super) async fn run(world: &World) -> anyhow::Result<()> {
    // Releases before v0.0.56 cannot restart seid.
    let sidecar = json!({ "tls": { "secretName": "restarted-tls" }, "image": world.images.newest_sidecar });
    let node = Node::create(world, "restarted", json!({ "sidecar": sidecar })).await?;
    world.kubectl(&format!("delete secret restarted-tls -n {NAMESPACE} --ignore-not-found")).await?;
    Reader::new(world)?.run("tls-procedures", "secret-by-hand", node.name).await?;
    node.until_ready().await?;
    let before = Seid::of(&node).await?;
    create(&node).await?;
    until_in(&node, "to reach the sidecar", |status| status.submission_time.is_some()).await?;
    let killed = leader(world).await?;
    let pods: Api<Pod> = Api::namespaced(world.client.clone(), OPERATOR);
    let at_once = DeleteParams::default().grace_period(0);
    pods.delete(&killed, &at_once).await.context("delete the leader's pod")?;
    let next = taken_over(world, &killed).await?;
    let ended =
        until_in(&node, "to end", |status| status.phase.is_some_and(|phase| phase.is_finished())).await?;
    ensure!(ended.phase == Some(NodeTaskPhase::Complete), "it failed: {:?}", ended.error);
    // The task is complete once seid was signalled to end; the kubelet starts it again.
    until("seid to be started again once", async || {
        let after = Seid::of(&node).await?;
        let is_once = after.restarts == before.restarts + 1;
        ensure!(is_once, "seid: {} restarts after {}", after.restarts, before.restarts);
        Ok(())
    })
    .await?;
    node.until_ready().await?;
    let after = Seid::of(&node).await?;
    ensure!(after.restarts == before.restarts + 1, "seid was restarted again");
    ensure!(after.pod == before.pod, "the pod was replaced");
    ensure!(after.sidecar == before.sidecar, "the sidecar was restarted");
    seen(format!(
        "seid restarted once, without its pod and sidecar; operator {killed} was killed meanwhile, and {next} reported the result"
    ));
    until("the finished task to be deleted", async || {
        ensure!(tasks(&node).get_opt(NAME).await?.is_none(), "it still exists");
        Ok(())
    })
    .await?;
    seen(format!("it was deleted {KEPT} s after it finished, as set in ttlSecondsAfterFinished"));
    node.delete().await
}

/// The pod of a node, and how often its containers were restarted.
struct Seid {
    pod: Option<String>,
    restarts: i32,
    sidecar: i32,
}

impl Seid {
    async fn of(node: &Node<'_>) -> anyhow::Result<Self> {
        let pod = node.pod().await?;
        let status = pod.status.clone().unwrap_or_default();
        let all = [status.container_statuses, status.init_container_statuses];
        let restarts = |name: &str| {
            let container = all.iter().flatten().flatten().find(|container| container.name == name);
            container.map(|container| container.restart_count).with_context(|| format!("no container {name}"))
        };
        Ok(Self { pod: pod.uid(), restarts: restarts("seid")?, sidecar: restarts("sei-sidecar")? })
    }
}

fn tasks(node: &Node<'_>) -> Api<SeiNodeTask> {
    node.beside()
}

async fn create(node: &Node<'_>) -> anyhow::Result<()> {
    let tasks = tasks(node);
    if tasks.get_opt(NAME).await?.is_some() {
        tasks.delete(NAME, &DeleteParams::default()).await.context("delete the task of an earlier run")?;
    }
    let spec =
        json!({ "nodeRef": { "name": node.name }, "restartSeid": {}, "ttlSecondsAfterFinished": KEPT });
    let task = json!({
        "apiVersion": "sei.io/v1alpha1", "kind": "SeiNodeTask", "metadata": { "name": NAME }, "spec": spec,
    });
    let task = serde_json::from_value(task).context("write the SeiNodeTask")?;
    tasks.create(&PostParams::default(), &task).await.context("create the SeiNodeTask")?;
    Ok(())
}

/// Waits until the status of the task satisfies `wanted`.
async fn until_in(
    node: &Node<'_>,
    what: &str,
    wanted: impl Fn(&SeiNodeTaskStatus) -> bool,
) -> anyhow::Result<SeiNodeTaskStatus> {
    until(&format!("the task {what}"), async || {
        let status = tasks(node).get(NAME).await?.status.unwrap_or_default();
        let ready = status.condition(ConditionType::Ready).map(|condition| condition.message.clone());
        ensure!(wanted(&status), "it is {:?}: {ready:?}", status.phase);
        Ok(status)
    })
    .await
}
