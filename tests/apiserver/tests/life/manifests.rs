//! Applies the manifests in `deploy` to a test cluster, and starts the operator with their arguments.

use std::process::Command;

use sei_testkit::{
    chart::{self, RELEASE, find},
    cluster::Cluster,
};
use serde_json::{Value, json};

use crate::{
    harness,
    pool::{self, TestCluster},
};

/// A cluster in which the operator has no permissions.
pub async fn bare_cluster() -> TestCluster {
    pool::cluster(Vec::new()).await.not_reused()
}

pub fn apply(cluster: &Cluster, name: &str, manifest: &str) {
    let file = cluster.plane.folder().join(name);
    std::fs::write(&file, manifest).unwrap();
    let file = file.to_str().unwrap();
    let strict = ["--server-side", "--force-conflicts", "--validate=strict"];
    kubectl(cluster, &[&["apply", "--filename", file], &strict[..]].concat());
}

pub fn kubectl(cluster: &Cluster, arguments: &[&str]) {
    let mut command = Command::new(cluster.plane.kubectl());
    command.arg("--kubeconfig").arg(cluster.plane.kubeconfig()).args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The chart with `values`, in the namespace that helm would create.
pub fn manifest(values: &Value) -> (Vec<Value>, String) {
    let objects = chart::render(values).unwrap();
    let namespace =
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": chart::NAMESPACE } });
    let items: Vec<_> = [namespace].into_iter().chain(objects.clone()).collect();
    (objects, json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string())
}

/// The operator as started by `objects`, except for arguments that a process outside a pod needs.
pub fn start(cluster: &Cluster, objects: &[Value]) -> sei_testkit::operator::Operator {
    let deployment = find(objects, "Deployment", RELEASE).unwrap();
    let arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"].as_array().unwrap();
    let other = ["run", "--sidecar-token-file", "--metrics-bind-address", "--health-probe-bind-address"];
    let kept = arguments.iter().filter_map(Value::as_str);
    let mut kept: Vec<_> = kept.filter(|word| !other.contains(&word.split('=').next().unwrap())).collect();
    kept.extend(["--metrics-bind-address=0", "--health-probe-bind-address=0"]);
    // In a pod it comes from the ServiceAccount.
    let lease = format!("--leader-election-namespace={}", chart::NAMESPACE);
    kept.push(&lease);
    harness::start(cluster, &kept)
}
