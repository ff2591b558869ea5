//! With listed namespaces: which SeiNodes the operator can change, and the deletion of a listed namespace.

use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client, Config,
    api::{Patch, PatchParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use sei_api::{SeiNode, SeiNodeDeployment};
use sei_testkit::{
    builders,
    chart::{self, RELEASE},
    cluster::{Cluster, NAMESPACE},
};
use serde_json::{Value, json};

use crate::{
    harness::{self, is_running, runs, until},
    manifests::{apply, bare_cluster, kubectl, manifest, start},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_listed_namespace_can_be_deleted_although_its_roles_are_deleted_first() {
    deleted_without_roles(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_started_after_the_roles_were_deleted_releases_a_listed_namespace() {
    deleted_without_roles(true).await;
}

async fn deleted_without_roles(restarts: bool) {
    let cluster = bare_cluster().await;
    let (objects, manifest) = manifest(&json!({ "watchNamespaces": [NAMESPACE] }));
    apply(&cluster, "listed.json", &manifest);
    cluster.run_operator_as(chart::NAMESPACE, RELEASE).await.unwrap();
    let mut operator = start(&cluster, &objects);
    harness::create(&cluster, "plain-0", builders::full_node("seid:a")).await;
    until(&cluster, "plain-0", "Running", is_running).await;
    a_group_is_updated(&cluster).await;

    kubectl(&cluster, &["delete", "role,rolebinding", "--all", "--namespace", NAMESPACE]);
    if restarts {
        operator.kill().unwrap();
        operator = start(&cluster, &objects);
    }
    kubectl(&cluster, &["delete", "namespace", NAMESPACE, "--wait=false"]);
    let namespaces: Api<Namespace> = Api::all(cluster.client.clone());
    harness::eventually("the namespace is gone", || async {
        namespaces.get_opt(NAMESPACE).await.unwrap().is_none()
    })
    .await;
    drop(operator);
}

/// The operator can change the spec of a SeiNode that a SeiNodeDeployment controls.
async fn a_group_is_updated(cluster: &Cluster) {
    let group = json!({
        "apiVersion": "sei.io/v1alpha1", "kind": "SeiNodeDeployment", "metadata": { "name": "group" },
        "spec": { "replicas": 1, "template": { "spec": builders::full_node("seid:a") } },
    });
    let groups = harness::api::<SeiNodeDeployment>(cluster);
    groups.create(&PostParams::default(), &serde_json::from_value(group).unwrap()).await.unwrap();
    harness::eventually("the node of the group exists", || async {
        cluster.nodes().get_opt("group-0").await.unwrap().is_some()
    })
    .await;
    until(cluster, "group-0", "ready", runs("seid:a")).await;
    let image = Patch::Merge(json!({ "spec": { "template": { "spec": { "image": "seid:b" } } } }));
    groups.patch("group", &PatchParams::default(), &image).await.unwrap();
    until(cluster, "group-0", "updated", runs("seid:b")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_listed_namespaces_only_specs_of_group_nodes_can_be_changed() {
    let cluster = bare_cluster().await;
    let (_, manifest) = manifest(&json!({ "watchNamespaces": [NAMESPACE] }));
    apply(&cluster, "listed.json", &manifest);
    cluster.run_operator_as(chart::NAMESPACE, RELEASE).await.unwrap();
    let other = builders::node(chart::NAMESPACE, "other", builders::full_node("seid:a")).unwrap();
    let elsewhere: Api<SeiNode> = Api::namespaced(cluster.client.clone(), chart::NAMESPACE);
    elsewhere.create(&PostParams::default(), &other).await.unwrap();
    harness::create(&cluster, "plain-0", builders::full_node("seid:a")).await;

    let kubeconfig = Kubeconfig::read_from(cluster.operator_kubeconfig()).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    let client = Client::try_from(config).unwrap();
    let patch = |namespace: &str, name: &'static str, patch: Value| {
        let nodes: Api<SeiNode> = Api::namespaced(client.clone(), namespace);
        async move { nodes.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await }
    };
    let finalizer = json!({ "metadata": { "finalizers": ["sei.io/test"] } });
    harness::eventually("the policy is in force", || async {
        patch(chart::NAMESPACE, "other", finalizer.clone()).await.is_err()
    })
    .await;
    let refused = patch(chart::NAMESPACE, "other", finalizer.clone()).await.unwrap_err().to_string();
    assert!(refused.contains("only in the namespaces that it watches"), "{refused}");
    let spec = json!({ "spec": { "image": "seid:b" } });
    let refused = patch(NAMESPACE, "plain-0", spec).await.unwrap_err().to_string();
    assert!(refused.contains("only for the SeiNodeDeployment that controls it"), "{refused}");
    patch(NAMESPACE, "plain-0", finalizer).await.unwrap();
}
