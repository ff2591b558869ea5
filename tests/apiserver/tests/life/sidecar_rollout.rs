//! Another default image of the sidecar, after an upgrade of the operator.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt,
    runtime::{watcher, watcher::Event},
};
use sei_api::{SeiNode, conditions::ConditionType};
use sei_testkit::{builders, cluster::Cluster, operator::Operator};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::harness::{self, condition, eventually, is_running, until, until_condition};

const SEID: &str = "ghcr.io/sei-protocol/sei:a";
const UP_TO_DATE: ConditionType = ConditionType::SidecarUpToDate;

fn seictl(release: &str) -> String {
    format!("ghcr.io/sei-protocol/seictl:{release}")
}

/// An operator whose sidecars are of this release, with this rollout.
pub fn operator(cluster: &Cluster, release: &str, rollout: &str) -> Operator {
    let settings = [("SEI_SIDECAR_IMAGE", seictl(release)), ("SEI_SIDECAR_ROLLOUT", rollout.to_owned())];
    harness::operator_with(cluster, &settings)
}

/// Whether the node runs with a sidecar of this release, and is Ready.
pub fn has(release: &str) -> impl Fn(&SeiNode) -> bool {
    let image = seictl(release);
    move |node| {
        let current = node.status.as_ref().and_then(|status| status.current_sidecar_image.as_deref());
        current == Some(&image)
            && condition(node, ConditionType::Ready).as_deref() == Some("True/NodeReady")
            && condition(node, UP_TO_DATE).is_none()
    }
}

/// Creates Running nodes of one chain; the first is a validator.
async fn fleet(cluster: &Cluster, names: &[&str]) {
    let operator = harness::operator(cluster);
    for (index, name) in names.iter().enumerate() {
        let spec = match index {
            0 => json!({ "chainId": "arctic-1", "image": SEID, "validator": {} }),
            _ => builders::full_node(SEID),
        };
        harness::create(cluster, name, spec).await;
    }
    for name in names {
        until(cluster, name, "ready", has("v0.0.50")).await;
    }
    operator.kill().unwrap();
}

async fn pods(cluster: &Cluster) -> BTreeSet<Option<String>> {
    let pods: Api<Pod> = harness::api(cluster);
    pods.list(&Default::default()).await.unwrap().iter().map(ResourceExt::uid).collect()
}

/// What happened to pods since a watch began.
#[derive(Default)]
pub struct Seen {
    /// Pods that were deleted, or are not ready yet.
    down: BTreeSet<String>,
    pub most_down: usize,
    /// In the order in which they were deleted.
    pub deleted: Vec<String>,
}

/// Watches pods that are all ready.
pub fn watch(cluster: &Cluster) -> (Arc<Mutex<Seen>>, JoinHandle<()>) {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let (pods, all): (Api<Pod>, _) = (harness::api(cluster), Arc::clone(&seen));
    let task = tokio::spawn(async move {
        let mut events = watcher(pods, watcher::Config::default()).boxed();
        while let Some(event) = events.next().await {
            let (pod, is_gone) = match event.unwrap() {
                Event::Apply(pod) | Event::InitApply(pod) => (pod, false),
                Event::Delete(pod) => (pod, true),
                Event::Init | Event::InitDone => continue,
            };
            let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
            let is_ready = conditions.into_iter().any(|it| it.type_ == "Ready" && it.status == "True");
            let (name, mut seen) = (pod.name_any(), all.lock().unwrap());
            if is_gone {
                seen.deleted.push(name.clone());
            }
            match is_ready && !is_gone && pod.metadata.deletion_timestamp.is_none() {
                true => seen.down.remove(&name),
                false => seen.down.insert(name),
            };
            seen.most_down = seen.most_down.max(seen.down.len());
        }
    });
    (seen, task)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_sidecar_image_restarts_nodes_only_if_paced_and_one_at_a_time() {
    let cluster = harness::cluster().await;
    let names = ["a-0", "rpc-0", "rpc-1", "rpc-2"];
    fleet(&cluster, &names).await;
    let before = pods(&cluster).await;

    let upgraded = operator(&cluster, "v0.0.61", "WithImage");
    for name in names {
        until_condition(&cluster, name, UP_TO_DATE, "False/PendingUpdate", "seictl:v0.0.61").await;
    }
    assert_eq!(pods(&cluster).await, before, "an upgrade restarts nothing");
    upgraded.kill().unwrap();

    let (seen, watching) = watch(&cluster);
    let first = operator(&cluster, "v0.0.61", "Paced");
    let is_under_way = || async { seen.lock().unwrap().deleted.len() >= 2 };
    eventually("the second node is being updated", is_under_way).await;
    first.kill().unwrap();
    let _second = operator(&cluster, "v0.0.61", "Paced");
    for name in names {
        until(&cluster, name, "updated", has("v0.0.61")).await;
    }
    watching.abort();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.deleted, ["rpc-0-0", "rpc-1-0", "rpc-2-0", "a-0-0"], "the validator is last");
    assert_eq!(seen.most_down, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_does_not_become_ready_stops_the_rollout_until_another_image_works() {
    let cluster = harness::cluster().await;
    let names = ["a-0", "rpc-0", "rpc-1"];
    fleet(&cluster, &names).await;
    let node = async |name: &str| cluster.nodes().get(name).await.unwrap();

    harness::stuck(&cluster, "rpc-0", &["mark-ready"]);
    let bad = operator(&cluster, "v0.0.61", "Paced");
    until_condition(&cluster, "rpc-1", UP_TO_DATE, "False/WaitingForNode", "SeiNode sei-demo/rpc-0").await;
    until(&cluster, "rpc-0", "in the pod", |node| {
        let status = node.status.as_ref().unwrap();
        status.current_sidecar_image.as_deref() == Some(&seictl("v0.0.61"))
    })
    .await;
    bad.kill().unwrap();

    let _good = operator(&cluster, "v0.0.66", "Paced");
    until(&cluster, "rpc-0", "in the pod", |node| {
        let status = node.status.as_ref().unwrap();
        status.current_sidecar_image.as_deref() == Some(&seictl("v0.0.66"))
    })
    .await;
    for name in ["a-0", "rpc-1"] {
        assert!(is_running(&node(name).await) && !has("v0.0.66")(&node(name).await), "{name} waits");
    }
    harness::stuck(&cluster, "rpc-0", &[]);
    // A task that was already submitted never ends in this sidecar.
    let host = Cluster::host("rpc-0");
    cluster.simulator.stop(&host);
    cluster.simulator.run(&host);
    for name in names {
        until(&cluster, name, "updated", has("v0.0.66")).await;
    }
}
