//! The main use case: a plain node and one with TLS.

use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams},
};
use sei_api::conditions::ConditionType;
use sei_testkit::{
    builders,
    certs::Authority,
    cluster::{Cluster, NAMESPACE},
};
use serde_json::json;

use crate::harness::{self, condition, is_running, until};

const OTHER_IMAGE: &str = "ghcr.io/sei-protocol/sei:v6.4.2";
const IMAGE: &str = "ghcr.io/sei-protocol/sei:v6.4.1";

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_and_a_tls_node_are_created_run_and_are_deleted() {
    let cluster = harness::cluster().await;
    let operator = harness::operator(&cluster);
    harness::create(&cluster, "plain-0", builders::full_node(IMAGE)).await;
    harness::create(&cluster, "rpc-0", builders::tls_full_node(IMAGE, "rpc-0-tls")).await;

    let tls = ConditionType::SidecarTlsSecretReady;
    let held = until(&cluster, "rpc-0", "held for its Secret", |node| condition(node, tls).is_some()).await;
    assert_eq!(condition(&held, tls).unwrap(), "False/TLSSecretNotFound");
    let published = held.status.clone().unwrap().sidecar_tls.unwrap();
    assert_eq!(published.secret_name, "rpc-0-tls");
    assert_eq!(published.required_dns_names, harness::names("rpc-0"));

    let plain = until(&cluster, "plain-0", "Running", is_running).await;
    assert_eq!(plain.status.unwrap().current_image.as_deref(), Some(IMAGE));
    let still = cluster.nodes().get("rpc-0").await.unwrap();
    assert!(still.status.as_ref().unwrap().plan.is_none(), "no plan before the Secret is good");

    let authority = Authority::new("issuer").unwrap();
    harness::put_secret(&cluster, &authority, "rpc-0-tls", &harness::names("rpc-0")).await;
    until(&cluster, "rpc-0", "Running", is_running).await;

    // Requests carry a token only on paths for which the proxy requires one.
    let calls = cluster.simulator.calls(&Cluster::host("rpc-0"));
    assert!(calls.iter().any(|call| call.path == "/v0/tasks"));
    assert!(calls.iter().all(|call| !call.has_token), "no token passes the proxy or goes to a bypassed path");
    for (task, runs) in cluster.simulator.runs(&Cluster::host("rpc-0")) {
        assert_eq!(runs, 1, "{task} ran once");
    }

    a_broken_secret_is_reported_and_does_not_affect_the_pod(&cluster, &authority).await;
    tls_is_final(&cluster).await;
    deletion_leaves_nothing(&cluster).await;
    assert!(!operator.log().contains("BEGIN"), "no key or certificate is logged");
}

async fn a_broken_secret_is_reported_and_does_not_affect_the_pod(cluster: &Cluster, authority: &Authority) {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    let before = pods.get("rpc-0-0").await.unwrap().uid();
    let tls = ConditionType::SidecarTlsSecretReady;
    harness::put_secret(cluster, authority, "rpc-0-tls", &["other.example".to_owned()]).await;
    until(cluster, "rpc-0", "names refused", |node| {
        condition(node, tls).as_deref() == Some("False/TLSSecretSANsMismatch")
    })
    .await;
    // The next plan waits and reports what for; the pod keeps running.
    let nodes = cluster.nodes();
    let update = Patch::Merge(json!({ "spec": { "image": OTHER_IMAGE } }));
    nodes.patch("rpc-0", &PatchParams::default(), &update).await.unwrap();
    let held = until(cluster, "rpc-0", "the update waits", |node| {
        node.status.as_ref().unwrap().observed_generation == node.metadata.generation
            && condition(node, ConditionType::Ready).as_deref() == Some("False/WaitingForTLSSecret")
    })
    .await;
    assert_eq!(held.status.unwrap().current_image.as_deref(), Some(IMAGE));
    assert_eq!(pods.get("rpc-0-0").await.unwrap().uid(), before, "the pod is the same");

    harness::put_secret(cluster, authority, "rpc-0-tls", &harness::names("rpc-0")).await;
    until(cluster, "rpc-0", "names right again", |node| {
        condition(node, tls).as_deref() == Some("True/TLSSecretReady")
    })
    .await;
    until(cluster, "rpc-0", "updated", |node| {
        node.status.as_ref().unwrap().current_image.as_deref() == Some(OTHER_IMAGE)
    })
    .await;
}

async fn tls_is_final(cluster: &Cluster) {
    let nodes = cluster.nodes();
    for (name, sidecar) in [
        ("rpc-0", json!(null)),
        ("rpc-0", json!({ "tls": null })),
        ("rpc-0", json!({ "tls": { "secretName": "other" } })),
        ("plain-0", json!({ "tls": { "secretName": "late" } })),
    ] {
        let patch = json!({ "spec": { "sidecar": sidecar } });
        let refused = nodes.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap_err();
        assert!(refused.to_string().contains("immutable"), "{name} {sidecar}: {refused}");
    }
}

async fn deletion_leaves_nothing(cluster: &Cluster) {
    let nodes = cluster.nodes();
    for name in ["plain-0", "rpc-0"] {
        nodes.delete(name, &DeleteParams::default()).await.unwrap();
    }
    harness::nothing_left_but(cluster, &[]).await;
    let secrets: Api<Secret> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    assert!(secrets.get_opt("rpc-0-tls").await.unwrap().is_some(), "the Secret belongs to the user");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_in_the_domain_of_the_cluster() {
    let cluster = harness::cluster().await;
    let domain = ("SEI_CLUSTER_DOMAIN", "k8s.example".to_owned());
    let _operator = harness::operator_with(&cluster, &[domain]);
    let names = harness::names("rpc-0").into_iter().map(|name| name.replace("cluster.local", "k8s.example"));
    let names: Vec<_> = names.collect();
    harness::put_secret(&cluster, &Authority::new("issuer").unwrap(), "rpc-0-tls", &names).await;
    harness::create(&cluster, "rpc-0", builders::tls_full_node(IMAGE, "rpc-0-tls")).await;
    let node = until(&cluster, "rpc-0", "the Secret is accepted", |node| {
        condition(node, ConditionType::SidecarTlsSecretReady).as_deref() == Some("True/TLSSecretReady")
    })
    .await;
    assert_eq!(node.status.unwrap().sidecar_tls.unwrap().required_dns_names, names);
}
