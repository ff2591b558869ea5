//! Platforms that restrict what a SeiNode may reference.

use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{Patch, PatchParams};
use sei_api::conditions::ConditionType;
use sei_testkit::{builders, certs::Authority};
use serde_json::json;

use crate::harness::{self, condition, is_running, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_node_waits_until_its_secret_is_labelled_for_nodes() {
    let cluster = harness::cluster().await;
    let label = ("SEI_REFERENCE_LABEL", "sei.io/for-nodes=true".to_owned());
    let _operator = harness::operator_with(&cluster, &[label]);
    harness::create(&cluster, "rpc-0", builders::tls_full_node("seid:a", "rpc-0-tls")).await;
    let authority = Authority::new("issuer").unwrap();
    harness::put_secret(&cluster, &authority, "rpc-0-tls", &harness::names("rpc-0")).await;
    let said = until(&cluster, "rpc-0", "its Secret lacks the label", |node| {
        let status = node.status.as_ref();
        let condition = status.and_then(|status| status.condition(ConditionType::SidecarTlsSecretReady));
        condition.is_some_and(|condition| condition.message.contains("lacks label sei.io/for-nodes=true"))
    })
    .await;
    assert!(!is_running(&said));

    let secrets = harness::api::<Secret>(&cluster);
    let labelled = json!({ "metadata": { "labels": { "sei.io/for-nodes": "true" } } });
    secrets.patch("rpc-0-tls", &PatchParams::default(), &Patch::Merge(&labelled)).await.unwrap();
    until(&cluster, "rpc-0", "Running", is_running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_not_allowed_is_not_rolled_out() {
    let cluster = harness::cluster().await;
    let _operator = harness::operator_with(&cluster, &[("SEI_ALLOWED_IMAGES", "seid".to_owned())]);
    harness::create(&cluster, "plain-0", builders::full_node("seid:a")).await;
    until(&cluster, "plain-0", "Running", harness::runs("seid:a")).await;
    harness::set_image(&cluster, "plain-0", "evil/seid:b").await;
    until(&cluster, "plain-0", "Stalled", |node| {
        condition(node, ConditionType::Stalled).as_deref() == Some("True/InvalidSpec")
    })
    .await;
    let pod = harness::api::<Pod>(&cluster).get("plain-0-0").await.unwrap();
    assert_eq!(pod.spec.unwrap().containers[0].image.as_deref(), Some("seid:a"));
}
