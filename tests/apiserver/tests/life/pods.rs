//! Pods that are not created or do not run: the condition reports them before it reports the sidecar.

use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{DeleteParams, PostParams};
use sei_api::conditions::ConditionType;
use sei_testkit::builders;
use serde_json::json;

use crate::harness::{self, is_running, until, until_condition};

const READY: ConditionType = ConditionType::Ready;

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_is_not_created_or_does_not_run_is_named_with_the_reason() {
    let cluster = harness::cluster().await;
    let _operator = harness::operator(&cluster);
    let accounts = harness::api::<ServiceAccount>(&cluster);
    accounts.delete("seid-node", &DeleteParams::default()).await.unwrap();
    harness::create(&cluster, "refused-0", builders::full_node("ghcr.io/sei-protocol/sei:a")).await;
    let words = "serviceaccount \"seid-node\" not found";
    until_condition(&cluster, "refused-0", READY, "False/WaitingForPod", words).await;
    let account = serde_json::from_value(json!({ "metadata": { "name": "seid-node" } })).unwrap();
    accounts.create(&PostParams::default(), &account).await.unwrap();
    until(&cluster, "refused-0", "Running", is_running).await;

    harness::create(&cluster, "unpulled-0", builders::full_node("ghcr.io/sei-protocol/sei:missing")).await;
    until_condition(&cluster, "unpulled-0", READY, "False/WaitingForPod", "ImagePullBackOff").await;
}
