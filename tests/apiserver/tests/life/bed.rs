//! What every test here starts from.

use std::{path::PathBuf, time::Duration};

use futures::{StreamExt, TryStreamExt};
use kube::{
    Api,
    api::{DeleteParams, PostParams},
    runtime::{WatchStreamExt, watcher},
};
use sei_api::{SeiNode, conditions::ConditionType, v1alpha1::NodePhase};
use sei_testkit::{
    builders,
    certs::Authority,
    cluster::{Cluster, NAMESPACE},
    control_plane,
    operator::Operator,
};

/// Long enough for a busy machine; nothing is measured by it.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub async fn cluster() -> Cluster {
    let mut rules = sei_controller::rbac::rules(sei_controller::SecretAccess::Watch);
    rules.extend(sei_controller::rbac::lease_rules());
    Cluster::start(&control_plane::assets().unwrap(), rules).await.unwrap()
}

pub fn operator(cluster: &Cluster) -> Operator {
    let test = std::env::current_exe().unwrap();
    let binary: PathBuf = test.parent().unwrap().parent().unwrap().join("sei-operator");
    assert!(binary.exists(), "build it first: cargo build --bin sei-operator");
    Operator::start(cluster, &binary, &["--leader-elect=false"]).unwrap()
}

pub async fn create(cluster: &Cluster, name: &str, spec: serde_json::Value) {
    let node = builders::node(NAMESPACE, name, spec).unwrap();
    cluster.nodes().create(&PostParams::default(), &node).await.unwrap();
}

/// Makes or replaces the TLS Secret of `node` with a certificate for `names`.
pub async fn put_secret(cluster: &Cluster, authority: &Authority, secret: &str, names: &[String]) {
    let pair = authority.issue(names).unwrap();
    let wanted = builders::tls_secret(NAMESPACE, secret, &pair, &authority.pem()).unwrap();
    let api = Api::namespaced(cluster.client.clone(), NAMESPACE);
    let _ = api.delete(secret, &DeleteParams::default()).await;
    api.create(&PostParams::default(), &wanted).await.unwrap();
}

pub fn names(node: &str) -> Vec<String> {
    vec![format!("{node}.{NAMESPACE}.svc.cluster.local"), Cluster::host(node)]
}

/// Waits until the node is as `wanted`, and returns it.
pub async fn until(cluster: &Cluster, name: &str, what: &str, wanted: impl Fn(&SeiNode) -> bool) -> SeiNode {
    let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let mut nodes = watcher(cluster.nodes(), config).default_backoff().applied_objects().boxed();
    let mut last = None;
    let found = async {
        while let Some(node) = nodes.try_next().await.unwrap() {
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
            panic!("{name} never: {what}; last status: {status:#?}")
        }
    }
}

pub fn is_running(node: &SeiNode) -> bool {
    node.status.as_ref().is_some_and(|status| status.phase == Some(NodePhase::Running))
}

/// `status/reason` of a condition.
pub fn condition(node: &SeiNode, of: ConditionType) -> Option<String> {
    let condition = node.status.as_ref()?.condition(of)?;
    Some(format!("{}/{}", condition.status, condition.reason))
}
