//! A group of nodes, from one image to the next.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use sei_api::{
    SeiNode, SeiNodeDeployment,
    conditions::{ConditionType, is_true},
};
use sei_testkit::{
    builders,
    cluster::{Cluster, NAMESPACE},
};
use serde_json::json;

use super::{
    show::{self, Watcher},
    steps::{IMAGE, follow, nothing_left},
};

const GROUP: &str = "fleet";
const REPLICAS: usize = 3;
const NEXT: &str = "ghcr.io/sei-protocol/sei:v6.5.0";

pub(super) async fn all(cluster: &Cluster) -> anyhow::Result<()> {
    let mut watcher = Watcher::new();
    let w = &mut watcher;
    show::title(&format!("a SeiNodeDeployment: {GROUP}, with {REPLICAS} replicas"));
    create(cluster).await?;
    until_all_run(cluster, w, IMAGE).await?;
    show::seen(&format!("{REPLICAS} SeiNodes were created and are available"));

    show::title(&format!("its image changes to {NEXT}"));
    let patch = json!({ "spec": { "template": { "spec": { "image": NEXT } } } });
    let changed = groups(cluster).patch(GROUP, &PatchParams::default(), &Patch::Merge(&patch)).await;
    changed.context("change the image of the group")?;
    let most = until_all_run(cluster, w, NEXT).await?;
    ensure!(most == 1, "{most} nodes were unavailable at the same time");
    show::seen("every node runs it; at most one was unavailable at a time");

    show::title("the group is deleted");
    groups(cluster).delete(GROUP, &DeleteParams::default()).await.context("delete the group")?;
    nothing_left(cluster).await?;
    show::seen("all its objects are deleted");
    Ok(())
}

/// Creates the group.
pub(super) async fn create(cluster: &Cluster) -> anyhow::Result<()> {
    let group: SeiNodeDeployment = serde_json::from_value(json!({
        "apiVersion": "sei.io/v1alpha1", "kind": "SeiNodeDeployment", "metadata": { "name": GROUP },
        "spec": { "replicas": REPLICAS, "template": { "spec": builders::full_node(IMAGE) } },
    }))
    .context("write the group")?;
    groups(cluster).create(&PostParams::default(), &group).await.context("create the group")?;
    Ok(())
}

fn groups(cluster: &Cluster) -> Api<SeiNodeDeployment> {
    Api::namespaced(cluster.client.clone(), NAMESPACE)
}

/// Shows the nodes until all of them run `image` and are available. Returns how many of those that existed were unavailable
/// at the same time.
async fn until_all_run(cluster: &Cluster, shown: &mut Watcher, image: &str) -> anyhow::Result<usize> {
    let (mut available, mut most) = (BTreeMap::new(), 0);
    follow(cluster, |node| {
        let is_up = is_available(&node);
        shown.show_image(&node, is_up);
        available.insert(node.name_any(), (is_up, node.spec.image.clone()));
        most = most.max(available.values().filter(|(is_up, _)| !is_up).count());
        available.len() == REPLICAS && available.values().all(|(is_up, runs)| *is_up && runs == image)
    })
    .await?;
    Ok(most)
}

fn is_available(node: &SeiNode) -> bool {
    node.status.as_ref().is_some_and(|status| {
        status.observed_generation == node.metadata.generation
            && status.current_image.as_ref() == Some(&node.spec.image)
            && is_true(status.condition(ConditionType::Ready))
    })
}
