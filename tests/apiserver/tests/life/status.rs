//! `sei-operator status` for an account with view permissions.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use k8s_openapi::api::{
    authentication::v1::TokenRequest,
    core::v1::ServiceAccount,
    rbac::v1::{ClusterRole, RoleBinding},
};
use kube::{
    Api,
    api::{DeleteParams, PostParams},
};
use sei_testkit::{
    builders,
    cluster::{Cluster, NAMESPACE},
};
use serde_json::{Value, json};

use crate::harness::{self, api, create, runs, until};

const IMAGE: &str = "ghcr.io/sei-protocol/sei:a";
const VIEWER: &str = "viewer";

/// The source of the rules of `view`, from which a controller aggregates them.
const VIEW: &str = "system:aggregate-to-view";

/// An account with the cluster's role `view` and the one that the chart adds to it.
async fn viewer(cluster: &Cluster) -> PathBuf {
    let accounts: Api<ServiceAccount> = api(cluster);
    let account = json!({ "metadata": { "name": VIEWER } });
    accounts.create(&PostParams::default(), &serde_json::from_value(account).unwrap()).await.unwrap();
    let role = json!({ "metadata": { "name": "sei-view" }, "rules": sei_controller::rbac::viewer_rules() });
    let roles: Api<ClusterRole> = Api::all(cluster.client.clone());
    roles.create(&PostParams::default(), &serde_json::from_value(role).unwrap()).await.unwrap();
    for role in [VIEW, "sei-view"] {
        let binding = json!({
            "metadata": { "name": role },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
            "subjects": [{ "kind": "ServiceAccount", "name": VIEWER, "namespace": NAMESPACE }],
        });
        let bindings: Api<RoleBinding> = api(cluster);
        bindings.create(&PostParams::default(), &serde_json::from_value(binding).unwrap()).await.unwrap();
    }
    let token = accounts.create_token_request(VIEWER, &PostParams::default(), &TokenRequest::default()).await;
    let path = cluster.plane.folder().join("viewer.kubeconfig");
    fs::write(&path, cluster.plane.kubeconfig_for(&token.unwrap().status.unwrap().token).to_string())
        .unwrap();
    path
}

fn status(kubeconfig: &PathBuf) -> Command {
    let mut command = Command::new(harness::binary());
    command.args(["status", "-n", NAMESPACE, "--kubeconfig"]).arg(kubeconfig);
    command
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn status_shows_a_viewer_each_node_and_its_pod() {
    let cluster = harness::cluster().await;
    let _operator = harness::operator(&cluster);
    let kubeconfig = viewer(&cluster).await;
    create(&cluster, "plain", builders::full_node(IMAGE)).await;
    create(&cluster, "secure", builders::tls_full_node(IMAGE, "secure-tls")).await;
    until(&cluster, "plain", "is Running and Ready", runs(IMAGE)).await;

    let fleet = status(&kubeconfig).args(["-o", "json"]).output().unwrap();
    assert_eq!(fleet.status.code(), Some(3), "one node waits: {fleet:?}");
    let nodes = &json_of(&fleet)["nodes"];
    assert_eq!((&nodes[0]["name"], &nodes[0]["health"]), (&json!("plain"), &json!("Ready")));
    assert_eq!((&nodes[1]["name"], &nodes[1]["reason"]), (&json!("secure"), &json!("WaitingForTLSSecret")));

    let node = status(&kubeconfig).args(["plain", "-o", "json"]).output().unwrap();
    assert_eq!(node.status.code(), Some(0), "{node:?}");
    let node = &json_of(&node)["nodes"][0];
    assert_eq!(node["hidden"], json!([]), "view suffices");
    assert_eq!((&node["pod"]["name"], &node["claim"]["name"]), (&json!("plain-0"), &json!("data-plain")));
    assert!(node["events"].as_array().is_some_and(|events| !events.is_empty()), "{node}");

    // Without `view`, resources that cannot be read are named.
    api::<RoleBinding>(&cluster).delete(VIEW, &DeleteParams::default()).await.unwrap();
    harness::eventually("the binding is gone", || async {
        let node = status(&kubeconfig).args(["plain", "-o", "json"]).output().unwrap();
        json_of(&node)["nodes"][0]["hidden"] == json!(["pods", "persistentvolumeclaims", "events"])
    })
    .await;
    let missing = status(&kubeconfig).arg("absent").output().unwrap();
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("of this name: absent"), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_follows_changes_until_interrupted() {
    let cluster = harness::cluster().await;
    let _operator = harness::operator(&cluster);
    let kubeconfig = viewer(&cluster).await;
    let mut watching = status(&kubeconfig).arg("--watch").stdout(Stdio::piped()).spawn().unwrap();
    create(&cluster, "plain", builders::full_node(IMAGE)).await;
    let lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let seen = tokio::task::spawn_blocking(move || {
        lines.map_while(Result::ok).find(|line| line.contains("1 ready"))
    });
    let seen = tokio::time::timeout(std::time::Duration::from_secs(120), seen).await;
    let interrupted = Command::new("kill").args(["-INT", &watching.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    assert_eq!(watching.wait().unwrap().code(), Some(0), "an interrupt is how it ends");
    assert!(seen.unwrap().unwrap().is_some(), "it showed the node becoming ready");
}
