//! The operator is killed at each of its writes for a group: after it, or before it. The next one continues from there.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
    core::NamespaceResourceScope,
};
use sei_api::{
    SeiNode, SeiNodeDeployment, conditions::is_true, deployment_conditions::ConditionType, labels,
};
use sei_testkit::{cluster::Cluster, crash::Crash};
use serde_json::{Value, json};

use super::bed::{A, B, GROUP, full_nodes};
use crate::{
    crash::in_process,
    harness::{self, PATIENCE, eventually},
};

/// A namespace in which a group lives.
struct Lane<'a> {
    cluster: &'a Cluster,
    namespace: &'static str,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_survives_a_crash_at_every_write() {
    let cluster = harness::cluster().await;
    let lane = |namespace| Lane { cluster: &cluster, namespace };
    let kills = tokio::join!(
        lane("after").life(|| Crash::new(0, true)),
        // One write succeeds; otherwise there would be no progress.
        lane("before").life(|| Crash::new(1, false)),
    );
    println!("kills: {kills:?}");
    assert!(kills.0 >= 10 && kills.1 >= 5, "{kills:?}");
}

impl Lane<'_> {
    /// Runs a group from creation to deletion, with operators that are each killed at this point. Returns how many were
    /// killed.
    async fn life(self, point: fn() -> Crash) -> usize {
        self.cluster.add_namespace(self.namespace).await.unwrap();
        let kills = Arc::new(AtomicUsize::new(0));
        let operators = async {
            loop {
                let crash = point().of_manager(labels::DEPLOYMENT_FIELD_MANAGER);
                let operator = in_process(self.cluster, self.namespace, Some(&crash)).await;
                crash.reached().await;
                kills.fetch_add(1, Ordering::AcqRel);
                operator.abort();
                let _ = operator.await;
            }
        };
        tokio::select! {
            () = operators => {}
            () = self.steps() => {}
        }
        kills.load(Ordering::Acquire)
    }

    async fn steps(&self) {
        let group = json!({
            "apiVersion": "sei.io/v1alpha1", "kind": "SeiNodeDeployment",
            "metadata": { "name": GROUP }, "spec": full_nodes(2),
        });
        let group = serde_json::from_value(group).unwrap();
        self.groups().create(&PostParams::default(), &group).await.unwrap();
        self.until_ready(&[("rpc-0", A), ("rpc-1", A)]).await;
        let before = self.uids().await;
        self.edit(json!({ "template": { "spec": { "image": B } } })).await;
        self.until_ready(&[("rpc-0", B), ("rpc-1", B)]).await;
        assert_eq!(self.uids().await, before, "no node was recreated");
        self.edit(json!({
            "updateStrategy": { "type": "BlueGreen", "blueGreen": { "scaleDownDelaySeconds": 0 } },
            "template": { "spec": { "image": A } },
        }))
        .await;
        self.until_ready(&[("rpc-green-0", A), ("rpc-green-1", A)]).await;
        self.edit(json!({ "replicas": 1 })).await;
        self.until_ready(&[("rpc-green-0", A)]).await;
        self.groups().delete(GROUP, &DeleteParams::default()).await.unwrap();
        eventually("the group is gone", || async { self.groups().get_opt(GROUP).await.unwrap().is_none() })
            .await;
        assert_eq!(self.uids().await, [None; 0], "the group ends after its nodes");
    }

    async fn until_ready(&self, wanted: &[(&str, &str)]) {
        let is_ready = || async {
            let group = self.groups().get(GROUP).await.unwrap();
            let status = group.status.unwrap_or_default();
            let nodes = self.api::<SeiNode>().list(&ListParams::default()).await.unwrap().items;
            let nodes: Vec<_> = nodes.iter().map(|node| (node.name_any(), node.spec.image.clone())).collect();
            status.observed_generation == group.metadata.generation
                && is_true(status.condition(ConditionType::Ready))
                && nodes
                    .iter()
                    .map(|(name, image)| (name.as_str(), image.as_str()))
                    .eq(wanted.iter().copied())
        };
        let all = async {
            while !is_ready().await {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        // Many operators start meanwhile.
        let is_over = tokio::time::timeout(3 * PATIENCE, all).await;
        assert!(is_over.is_ok(), "{}: the group never is {wanted:?}", self.namespace);
    }

    async fn edit(&self, spec: Value) {
        let change = Patch::Merge(json!({ "spec": spec }));
        self.groups().patch(GROUP, &PatchParams::default(), &change).await.unwrap();
    }

    async fn uids(&self) -> Vec<Option<String>> {
        let nodes = self.api::<SeiNode>().list(&ListParams::default()).await.unwrap();
        nodes.iter().map(ResourceExt::uid).collect()
    }

    fn groups(&self) -> Api<SeiNodeDeployment> {
        self.api()
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.cluster.client.clone(), self.namespace)
    }
}
