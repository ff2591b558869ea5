//! Cluster, operator and waiting: shared by these tests.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    path::PathBuf,
    time::{Duration, Instant},
};

use futures::StreamExt;
use k8s_openapi::ByteString;
use k8s_openapi::api::{
    apps::v1::StatefulSet,
    batch::v1::Job,
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
    operator::Operator,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::pool::{self, TestCluster};

pub use sei_testkit::cluster::certificate_names as names;

/// Long enough for a busy machine; nothing is measured with it.
pub const PATIENCE: Duration = Duration::from_secs(120);

pub async fn cluster() -> TestCluster {
    let mut rules = sei_controller::rbac::rules(sei_controller::SecretAccess::Watch);
    rules.extend(sei_controller::rbac::lease_rules(sei_controller::rbac::LEASE));
    rules.push(sei_controller::rbac::token_rule(sei_testkit::cluster::OPERATOR));
    pool::cluster(rules).await
}

const ALONE: [&str; 3] =
    ["--leader-elect=false", "--metrics-bind-address=0", "--health-probe-bind-address=0"];

pub fn operator(cluster: &Cluster) -> Operator {
    start(cluster, &ALONE)
}

/// An operator with additional environment variables.
pub fn operator_with(cluster: &Cluster, variables: &[(&str, String)]) -> Operator {
    start_with(cluster, &ALONE, variables)
}

pub fn start(cluster: &Cluster, arguments: &[&str]) -> Operator {
    start_with(cluster, arguments, &[])
}

pub fn start_with(cluster: &Cluster, arguments: &[&str], variables: &[(&str, String)]) -> Operator {
    Operator::start_with(cluster, &binary(), arguments, variables).unwrap()
}

pub fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let binary = test.parent().unwrap().parent().unwrap().join("sei-operator");
    assert!(binary.exists(), "build it first: cargo build --bin sei-operator");
    binary
}

pub async fn create(cluster: &Cluster, name: &str, spec: Value) {
    create_labelled(cluster, name, Value::Null, spec).await;
}

pub async fn create_labelled(cluster: &Cluster, name: &str, labels: Value, spec: Value) {
    let mut node = builders::node(NAMESPACE, name, spec).unwrap();
    node.metadata.labels = serde_json::from_value(labels).unwrap();
    cluster.nodes().create(&PostParams::default(), &node).await.unwrap();
}

/// Creates or replaces the TLS Secret of `node` with a certificate for `names`.
pub async fn put_secret(cluster: &Cluster, authority: &Authority, secret: &str, names: &[String]) {
    let pair = authority.issue(names).unwrap();
    let wanted = builders::tls_secret(NAMESPACE, secret, &pair, &authority.pem()).unwrap();
    let api = Api::namespaced(cluster.client.clone(), NAMESPACE);
    let _ = api.delete(secret, &DeleteParams::default()).await;
    api.create(&PostParams::default(), &wanted).await.unwrap();
}

/// Creates the key Secrets of a validator.
pub async fn put_keys(cluster: &Cluster) {
    let key = r#"{"address":"A","pub_key":{"type":"t","value":"v"},"priv_key":{"type":"t","value":"v"}}"#;
    for (name, data) in [
        ("signing", vec![("priv_validator_key.json", key)]),
        ("node-key", vec![("node_key.json", key)]),
        ("keyring", vec![("node_admin.info", "x"), ("ab.address", "x")]),
        ("passphrase", vec![("passphrase", "secret")]),
    ] {
        let data: BTreeMap<String, ByteString> =
            data.into_iter().map(|(key, value)| (key.to_owned(), ByteString(value.into()))).collect();
        let mut secret = Secret { data: Some(data), ..Secret::default() };
        secret.metadata.name = Some(name.to_owned());
        let api: Api<Secret> = Api::namespaced(cluster.client.clone(), NAMESPACE);
        api.create(&PostParams::default(), &secret).await.unwrap();
    }
}

/// Waits until the node satisfies `wanted`, and returns it.
pub async fn until(cluster: &Cluster, name: &str, what: &str, wanted: impl Fn(&SeiNode) -> bool) -> SeiNode {
    let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let mut nodes = watcher(cluster.nodes(), config).default_backoff().applied_objects().boxed();
    let mut last = None;
    let found = async {
        while let Some(event) = nodes.next().await {
            // A broken watch restarts automatically.
            let Ok(node) = event else { continue };
            if wanted(&node) {
                return node;
            }
            last = Some(node);
        }
        panic!("the watch ended");
    };
    match tokio::time::timeout(PATIENCE, found).await {
        Ok(node) => node,
        Err(_) => {
            let status = last.and_then(|node| node.status);
            panic!("{name} never: {what}; last status: {status:#?}\n{}", end_of_log(cluster))
        }
    }
}

/// Whether the node runs `image` and is Ready.
pub fn runs(image: &str) -> impl Fn(&SeiNode) -> bool + '_ {
    move |node| {
        let status = node.status.as_ref();
        status.and_then(|status| status.current_image.as_deref()) == Some(image)
            && condition(node, ConditionType::Ready).as_deref() == Some("True/NodeReady")
    }
}

/// Merges `patch` into the node.
pub async fn patch(cluster: &Cluster, name: &str, patch: Value) -> SeiNode {
    cluster.nodes().patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap()
}

pub async fn set_image(cluster: &Cluster, name: &str, image: &str) -> SeiNode {
    patch(cluster, name, json!({ "spec": { "image": image } })).await
}

/// Requests a retry.
pub async fn retry(cluster: &Cluster, name: &str) {
    patch(cluster, name, json!({ "metadata": { "annotations": { "sei.io/retry": "again" } } })).await;
}

/// Waits until a condition has this `status/reason` and a message that contains this text.
pub async fn until_condition(
    cluster: &Cluster,
    name: &str,
    of: ConditionType,
    wanted: &str,
    part: &str,
) -> SeiNode {
    until(cluster, name, &format!("{wanted}: {part}"), |node| {
        let said = node.status.as_ref().and_then(|status| status.condition(of));
        said.is_some_and(|said| said.message.contains(part)) && condition(node, of).as_deref() == Some(wanted)
    })
    .await
}

/// Sets which task types never complete in the node's sidecar.
pub fn stuck(cluster: &Cluster, name: &str, types: &[&str]) {
    let types = types.iter().map(|type_| (*type_).to_owned());
    let stuck = types.chain(["snapshot-upload".to_owned()]).collect();
    cluster.simulator.faults(&Cluster::host(name), |faults| faults.stuck = stuck);
}

pub fn api<K>(cluster: &Cluster) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    Api::namespaced(cluster.client.clone(), NAMESPACE)
}

/// Whether the operator has reconciled it.
pub fn is_known(node: &SeiNode) -> bool {
    node.status.as_ref().is_some_and(|status| status.phase.is_some())
}

pub fn is_running(node: &SeiNode) -> bool {
    node.status.as_ref().is_some_and(|status| status.phase == Some(NodePhase::Running))
}

/// `status/reason` of a condition.
pub fn condition(node: &SeiNode, of: ConditionType) -> Option<String> {
    let condition = node.status.as_ref()?.condition(of)?;
    Some(format!("{}/{}", condition.status, condition.reason))
}

/// Waits until no object of any node exists, except these claims.
pub async fn nothing_left_but(cluster: &Cluster, claims: &[&str]) {
    let kept: Vec<String> = claims.iter().map(|claim| format!("PersistentVolumeClaim {claim}")).collect();
    let began = Instant::now();
    loop {
        let mut left = names_of::<SeiNode>(cluster).await;
        left.extend(names_of::<StatefulSet>(cluster).await);
        left.extend(names_of::<Pod>(cluster).await);
        left.extend(names_of::<Service>(cluster).await);
        left.extend(names_of::<Job>(cluster).await);
        left.extend(names_of::<ConfigMap>(cluster).await);
        left.extend(names_of::<PersistentVolumeClaim>(cluster).await);
        if left == kept {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "left of the nodes: {left:?}\n{}", end_of_log(cluster));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn names_of<K>(cluster: &Cluster) -> Vec<String>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    api.list(&ListParams::default())
        .await
        .unwrap()
        .items
        .iter()
        .map(|item| format!("{} {}", K::kind(&()), item.name_any()))
        .collect()
}

fn end_of_log(cluster: &Cluster) -> String {
    let log = std::fs::read_to_string(cluster.plane.folder().join("sei-operator.log")).unwrap_or_default();
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

/// Waits until `holds` returns true.
pub async fn eventually<F>(what: &str, mut holds: impl FnMut() -> F)
where
    F: Future<Output = bool>,
{
    let all = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap_or_else(|_| panic!("never: {what}"));
}
