//! A cluster with an operator and a group of nodes.

use std::collections::BTreeMap;

use futures::StreamExt;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
    runtime::{
        watcher,
        watcher::Event::{Apply, Delete, InitApply},
    },
};
use sei_api::{
    SeiNode, SeiNodeDeployment,
    conditions::{ConditionType, is_true},
    deployment_conditions as group_conditions,
};
use sei_testkit::{builders, operator::Operator};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::{
    harness::{self, api, eventually},
    pool::TestCluster,
};

pub const GROUP: &str = "rpc";
pub const A: &str = "ghcr.io/sei-protocol/sei:a";
pub const B: &str = "ghcr.io/sei-protocol/sei:b";

pub struct Bed {
    /// Stopped when taken, and before the cluster.
    pub operator: Option<Operator>,
    pub cluster: TestCluster,
}

impl Bed {
    pub async fn start() -> Self {
        let cluster = harness::cluster().await;
        let operator = Some(harness::operator(&cluster));
        Self { cluster, operator }
    }

    /// With these environment variables of the operator.
    pub async fn start_with(variables: &[(&str, String)]) -> Self {
        let cluster = harness::cluster().await;
        let operator = Some(harness::operator_with(&cluster, variables));
        Self { cluster, operator }
    }

    pub fn groups(&self) -> Api<SeiNodeDeployment> {
        api(&self.cluster)
    }

    pub async fn create(&self, spec: Value) {
        self.create_named(GROUP, spec).await;
    }

    pub async fn create_named(&self, name: &str, spec: Value) {
        let group = json!({
            "apiVersion": "sei.io/v1alpha1", "kind": "SeiNodeDeployment", "metadata": { "name": name }, "spec": spec,
        });
        self.groups().create(&PostParams::default(), &serde_json::from_value(group).unwrap()).await.unwrap();
    }

    pub async fn edit(&self, spec: Value) {
        let change = Patch::Merge(json!({ "spec": spec }));
        self.groups().patch(GROUP, &PatchParams::default(), &change).await.unwrap();
    }

    pub async fn set_image(&self, image: &str) {
        self.edit(json!({ "template": { "spec": { "image": image } } })).await;
    }

    pub async fn delete(&self) {
        self.delete_with(&DeleteParams::default()).await;
    }

    pub async fn delete_with(&self, how: &DeleteParams) {
        self.groups().delete(GROUP, how).await.unwrap();
        eventually("the group is gone", || async { self.groups().get_opt(GROUP).await.unwrap().is_none() })
            .await;
    }

    pub async fn nodes(&self) -> Vec<SeiNode> {
        self.cluster.nodes().list(&ListParams::default()).await.unwrap().items
    }

    pub async fn names(&self) -> Vec<String> {
        self.nodes().await.iter().map(ResourceExt::name_any).collect()
    }

    /// Number of nodes with this image in their spec.
    pub async fn with_image(&self, image: &str) -> usize {
        self.nodes().await.iter().filter(|node| node.spec.image == image).count()
    }

    /// `status/reason` of `Ready`, if it is for the current spec.
    pub async fn ready(&self) -> Option<String> {
        let group = self.groups().get_opt(GROUP).await.unwrap()?;
        let status = group.status.as_ref()?;
        let ready = status.condition(group_conditions::ConditionType::Ready)?;
        (status.observed_generation == group.metadata.generation)
            .then(|| format!("{}/{}", ready.status, ready.reason))
    }

    /// Waits until a condition has this `status/reason` and a message that contains this text.
    pub async fn until_condition(
        &self,
        name: &str,
        of: group_conditions::ConditionType,
        wanted: &str,
        part: &str,
    ) {
        eventually(&format!("{name}: {wanted}: {part}"), || async {
            let group = self.groups().get(name).await.unwrap();
            let said = group.status.as_ref().and_then(|status| status.condition(of));
            said.is_some_and(|said| {
                format!("{}/{}", said.status, said.reason) == wanted && said.message.contains(part)
            })
        })
        .await;
    }

    pub async fn until_ready(&self, wanted: &str) {
        let is_wanted = || async { self.ready().await.as_deref() == Some(wanted) };
        eventually(&format!("Ready is {wanted}"), is_wanted).await;
    }

    pub async fn until_complete(&self) {
        self.until_ready("True/AllNodesReady").await;
    }

    /// Watches from now on how many nodes are unavailable at the same time.
    pub fn count_unavailable(&self) -> Unavailable {
        let nodes = self.cluster.nodes();
        Unavailable(tokio::spawn(async move {
            let (mut down, mut most) = (BTreeMap::new(), 0);
            let mut events = watcher(nodes, watcher::Config::default()).boxed();
            while let Some(event) = events.next().await {
                match event.unwrap() {
                    InitApply(node) | Apply(node) => drop(down.insert(node.name_any(), !is_available(&node))),
                    Delete(node) => drop(down.remove(&node.name_any())),
                    _ => {}
                }
                if down.contains_key(END) {
                    break;
                }
                most = most.max(down.values().filter(|down| **down).count());
            }
            most
        }))
    }
}

/// Name of a node that ends a watch.
const END: &str = "end-0";

pub struct Unavailable(JoinHandle<usize>);

impl Unavailable {
    /// The maximum number of nodes that were unavailable at the same time.
    pub async fn most(self, bed: &Bed) -> usize {
        harness::create(&bed.cluster, END, builders::full_node(A)).await;
        let most = self.0.await.unwrap();
        bed.cluster.nodes().delete(END, &DeleteParams::default()).await.unwrap();
        most
    }
}

fn is_available(node: &SeiNode) -> bool {
    let status = node.status.as_ref();
    status.is_some_and(|status| {
        status.observed_generation == node.metadata.generation
            && is_true(status.condition(ConditionType::Ready))
    })
}

pub fn full_nodes(replicas: u32) -> Value {
    json!({ "replicas": replicas, "template": { "spec": builders::full_node(A) } })
}
