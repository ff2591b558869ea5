//! Nodes with TLS that the Go controller could not start, and pods with the audience of earlier versions.

use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::Pod};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams},
};
use sei_testkit::{certs::Authority, cluster::Cluster};
use serde_json::{Value, json};

use crate::{
    go_controller::{BOOTSTRAP, TLS},
    harness::{self, is_running, until},
};

/// With the Go controller's configuration, the proxy of a TLS node rejects every task: such nodes nevertheless reach
/// Running.
#[tokio::test(flavor = "multi_thread")]
async fn a_tls_node_that_never_started_is_started() {
    let cluster = harness::cluster().await;
    let authority = Authority::new("issuer").unwrap();
    let secret = TLS.document("seinode", "stuck-0")["spec"]["sidecar"]["tls"]["secretName"].clone();
    harness::put_secret(&cluster, &authority, secret.as_str().unwrap(), &harness::names("stuck-0")).await;
    let plan = TLS.plan("init", "stuck-0", 4);
    let waiting = plan["tasks"][4]["type"].clone();
    assert_eq!(waiting, "configure-genesis", "the first that the sidecar would do");
    let owner = TLS.node(&cluster, "stuck-0", json!({ "phase": "Initializing", "plan": plan })).await;
    for kind in ["pvc", "configmap", "statefulset", "service"] {
        TLS.leave(&cluster, kind, &owner).await;
    }
    let _operator = harness::operator(&cluster);
    until(&cluster, "stuck-0", "Running", is_running).await;
    let pod = harness::api::<Pod>(&cluster).get("stuck-0-0").await.unwrap();
    let containers = pod.spec.unwrap().init_containers.unwrap();
    let proxy = containers.into_iter().find(|container| container.name == "kube-rbac-proxy").unwrap();
    let argument = "--auth-header-fields-enabled=true".to_owned();
    assert!(proxy.args.unwrap().contains(&argument), "the pod is the one that the Go controller created");
}

/// The Go controller's bootstrap pod has no proxy, so with TLS it can never be reached.
#[tokio::test(flavor = "multi_thread")]
async fn a_tls_bootstrap_that_was_never_reached_is_started_over_on_takeover() {
    let cluster = harness::cluster().await;
    let authority = Authority::new("issuer").unwrap();
    harness::put_secret(&cluster, &authority, "shut-0-tls", &harness::names("shut-0")).await;
    let mut plan = BOOTSTRAP.plan("init", "shut-0", 3);
    let tasks = plan["tasks"].as_array_mut().unwrap();
    let place = tasks.iter().position(|task| task["type"] == "apply-statefulset").unwrap();
    let mut config = tasks[place].clone();
    config["type"] = "apply-rbac-proxy-config".into();
    tasks.insert(place, config);
    let tls = json!({ "sidecar": { "tls": { "secretName": "shut-0-tls" } } });
    let status = json!({ "phase": "Initializing", "plan": plan });
    let owner = BOOTSTRAP.node_with(&cluster, "shut-0", status, tls).await;
    for kind in ["pvc", "bootstrap-service", "bootstrap-job"] {
        BOOTSTRAP.leave(&cluster, kind, &owner).await;
    }
    let _operator = harness::operator(&cluster);
    until(&cluster, "shut-0", "Running", is_running).await;
    let runs = cluster.simulator.runs(&Cluster::host("shut-0"));
    assert_eq!(runs["snapshot-restore"], 1, "restored once, by a pod that can be reached: {runs:?}");
}

const OWN_AUDIENCE: &str = "--auth-token-audiences=sei-sidecar/sei-demo/shared-0";

const SHARED_AUDIENCE: &str = "--auth-token-audiences=sei-sidecar";

/// The audience that the proxy in the node's pod accepts.
async fn audience(cluster: &Cluster, pod: &str) -> Option<String> {
    let pod = harness::api::<Pod>(cluster).get_opt(pod).await.unwrap()?;
    let mut containers = pod.spec.unwrap().init_containers.unwrap_or_default().into_iter();
    let proxy = containers.find(|container| container.name == "kube-rbac-proxy")?;
    proxy
        .args
        .unwrap_or_default()
        .into_iter()
        .find(|argument| argument.starts_with("--auth-token-audiences="))
}

/// Earlier versions gave all nodes one audience: such a pod is called with it, until its next update gives the node an
/// audience that no other node accepts.
#[tokio::test(flavor = "multi_thread")]
async fn a_pod_with_the_shared_audience_is_called_with_it_until_updated() {
    let (cluster, name, pod) = (harness::cluster().await, "shared-0", "shared-0-0");
    let (old, new) = ("ghcr.io/sei-protocol/sei:a", "ghcr.io/sei-protocol/sei:b");
    let authority = Authority::new("issuer").unwrap();
    harness::put_secret(&cluster, &authority, "shared-0-tls", &harness::names(name)).await;
    let operator = harness::operator(&cluster);
    harness::create(&cluster, name, sei_testkit::builders::tls_full_node(old, "shared-0-tls")).await;
    until(&cluster, name, "ready", harness::runs(old)).await;
    assert_eq!(audience(&cluster, pod).await.as_deref(), Some(OWN_AUDIENCE));
    operator.kill().unwrap();

    // As created by an earlier version.
    let sets: Api<StatefulSet> = harness::api(&cluster);
    let mut template = sets.get(name).await.unwrap().spec.unwrap().template;
    for container in template.spec.as_mut().unwrap().init_containers.iter_mut().flatten() {
        let arguments = container.args.iter_mut().flatten().filter(|argument| *argument == OWN_AUDIENCE);
        arguments.for_each(|argument| *argument = SHARED_AUDIENCE.to_owned());
    }
    let patch = json!([{ "op": "replace", "path": "/spec/template", "value": template }]);
    let params = PatchParams { field_manager: Some("seinode-controller".to_owned()), ..Default::default() };
    let patch = Patch::<Value>::Json(serde_json::from_value(patch).unwrap());
    let set = sets.patch(name, &params, &patch).await.unwrap();
    harness::api::<Pod>(&cluster).delete(pod, &DeleteParams::default()).await.unwrap();
    harness::eventually("the pod has the shared audience", || async {
        audience(&cluster, pod).await.as_deref() == Some(SHARED_AUDIENCE)
    })
    .await;
    let uid = harness::api::<Pod>(&cluster).get(pod).await.unwrap().uid();

    // mark-ready has to be submitted to the sidecar of the new pod, which requires a token that its proxy
    // accepts.
    let _operator = harness::operator(&cluster);
    let mut ready = cluster.simulator.readiness(&Cluster::host(name));
    tokio::time::timeout(harness::PATIENCE, ready.wait_for(|ready| *ready)).await.unwrap().unwrap();
    until(&cluster, name, "ready", harness::runs(old)).await;
    assert_eq!(harness::api::<Pod>(&cluster).get(pod).await.unwrap().uid(), uid, "the pod is the same");
    assert_eq!(sets.get(name).await.unwrap().metadata.generation, set.metadata.generation);

    harness::set_image(&cluster, name, new).await;
    until(&cluster, name, "updated", harness::runs(new)).await;
    assert_eq!(audience(&cluster, pod).await.as_deref(), Some(OWN_AUDIENCE));
}
