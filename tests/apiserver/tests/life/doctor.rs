//! `sei-operator doctor` on a cluster where the operator has all permissions, and where it lacks one.

use std::process::{Command, Output};

use k8s_openapi::api::{apps::v1::Deployment, rbac::v1::ClusterRole};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use sei_testkit::{
    builders,
    cluster::{Cluster, OPERATOR},
};
use serde_json::{Value, json};

use crate::harness::{self, create, runs, until};

const IMAGE: &str = "ghcr.io/sei-protocol/sei:a";

fn doctor(cluster: &Cluster, arguments: &[&str]) -> Output {
    let mut command = Command::new(harness::binary());
    command
        .arg("doctor")
        .args(arguments)
        .arg("--kubeconfig")
        .arg(cluster.plane.kubeconfig())
        .output()
        .unwrap()
}

/// Message of each finding of a check, with its level.
fn findings(output: &Output, check: &str) -> Vec<String> {
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of_check = found.as_array().unwrap().iter().filter(|it| it["check"] == check);
    of_check.map(|it| format!("{}: {}", it["level"], it["message"]).replace('"', "")).collect()
}

async fn deploy(cluster: &Cluster) {
    let deployment = json!({
        "metadata": { "name": "sei-operator", "labels": { "app.kubernetes.io/name": "sei-operator" } },
        "spec": {
            "selector": { "matchLabels": { "a": "b" } },
            "template": { "metadata": { "labels": { "a": "b" } }, "spec": {
                "serviceAccountName": OPERATOR,
                "containers": [{ "name": "operator", "image": "sei-operator:1",
                    "args": ["run", "--leader-election-id=bc1f5b0a.sei.io"] }],
            } },
        },
    });
    let deployments: Api<Deployment> = Api::namespaced(cluster.client.clone(), OPERATOR);
    deployments.create(&PostParams::default(), &serde_json::from_value(deployment).unwrap()).await.unwrap();
    let ready = json!({ "status": { "replicas": 1, "readyReplicas": 1 } });
    deployments.patch_status("sei-operator", &PatchParams::default(), &Patch::Merge(ready)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_names_what_is_wrong_with_an_installation() {
    let cluster = harness::cluster().await;
    let before = doctor(&cluster, &["-o", "json"]);
    assert_eq!(before.status.code(), Some(3), "{before:?}");
    assert!(findings(&before, "operator")[0].starts_with("error: there is no Deployment"), "{before:?}");
    assert_eq!(
        findings(&before, "crds"),
        [
            "ok: seinodes.sei.io matches this version",
            "ok: seinodedeployments.sei.io matches this version",
            "ok: seinodetasks.sei.io matches this version",
        ]
    );
    assert_eq!(findings(&before, "clock"), ["ok: the clocks agree within 5 s"]);

    deploy(&cluster).await;
    let lease = ["--leader-election-namespace", OPERATOR, "--metrics-bind-address=0"];
    let _operator = harness::start(&cluster, &[&lease[..], &["--health-probe-bind-address=0"]].concat());
    create(&cluster, "rpc-0", builders::full_node(IMAGE)).await;
    until(&cluster, "rpc-0", "is Ready", runs(IMAGE)).await;
    let found = doctor(&cluster, &["-o", "json"]);
    assert!(findings(&found, "permissions")[0].starts_with("ok: the operator has all of the"), "{found:?}");
    assert!(findings(&found, "lease")[0].starts_with("ok: Lease bc1f5b0a.sei.io"), "{found:?}");
    assert_eq!(findings(&found, "network"), ["ok: the operator can reach all 1 sidecars"]);
    assert_eq!(findings(&found, "nodes"), ["ok: none of 1 SeiNodes is stalled"]);

    cluster.simulator.stop(&Cluster::host("rpc-0"));
    let network = || async { findings(&doctor(&cluster, &["-o", "json"]), "network") };
    let unreachable = "error: the operator cannot reach 1 of 1 sidecars: sei-demo/rpc-0";
    harness::eventually("the doctor sees it", || async { network().await == [unreachable] }).await;
    let text = doctor(&cluster, &[]).stdout;
    assert!(
        String::from_utf8_lossy(&text).contains("the API server cannot reach that of sei-demo/rpc-0 either")
    );

    // The Deployment was created without the settings of a chart.
    assert!(findings(&found, "settings")[0].contains("SEI_NODEPOOL_NAME"), "{found:?}");

    let roles: Api<ClusterRole> = Api::all(cluster.client.clone());
    let rules = json!([{ "apiGroups": [""], "resources": ["pods"], "verbs": ["list"] }]);
    for role in roles.list(&Default::default()).await.unwrap() {
        let name = role.metadata.name.unwrap();
        if name.contains(OPERATOR) {
            let patch = Patch::Merge(json!({ "rules": rules }));
            roles.patch(&name, &PatchParams::default(), &patch).await.unwrap();
        }
    }
    let limited = doctor(&cluster, &[]);
    let text = String::from_utf8_lossy(&limited.stdout).into_owned();
    assert_eq!(limited.status.code(), Some(3), "{text}");
    assert!(
        text.contains("ERROR    permissions  the operator is not allowed to watch, delete pods\n"),
        "{text}"
    );
    assert!(text.contains("fix: apply the roles of this version"), "{text}");
}
