//! Nodes that need the same signing key or volume: one waits for the other.

use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use sei_api::conditions::ConditionType;
use serde_json::json;

use crate::{
    harness::{self, condition, eventually, is_running, until, until_condition},
    modes, shared,
};

const A: &str = "ghcr.io/sei-protocol/sei:a";

const STALLED: ConditionType = ConditionType::Stalled;

/// A validator with a copy of a signing key is blocked until the pod that uses the key is gone, however long
/// that takes.
#[test]
fn a_second_validator_with_the_same_key_waits_for_the_pod_of_the_first() {
    shared::run(async |cluster| {
        harness::put_keys(cluster).await;
        let secrets = harness::api::<Secret>(cluster);
        let mut copy = Secret { data: secrets.get("signing").await.unwrap().data, ..Secret::default() };
        copy.metadata.name = Some("signing-copy".to_owned());
        secrets.create(&PostParams::default(), &copy).await.unwrap();
        let spec = |secret: &str| {
            json!({ "chainId": "arctic-1", "image": A, "validator": {
                "signingKey": { "secret": { "secretName": secret } },
                "nodeKey": { "secret": { "secretName": "node-key" } },
            }})
        };
        harness::create(cluster, "signer-0", spec("signing")).await;
        until(cluster, "signer-0", "Running", is_running).await;
        let pods = harness::api::<Pod>(cluster);
        let finalizers = |list: &[&str]| Patch::Merge(json!({ "metadata": { "finalizers": list } }));
        let lost = finalizers(&["test.example/lost-machine"]);
        pods.patch("signer-0-0", &PatchParams::default(), &lost).await.unwrap();
        harness::create(cluster, "signer-1", spec("signing-copy")).await;
        until_condition(cluster, "signer-1", STALLED, "True/SigningKeyInUse", "signer-0-0").await;
        let key = ConditionType::SigningKeyReady;
        until_condition(cluster, "signer-0", key, "True/SigningKeyValidated", "signer-1").await;
        cluster.nodes().delete("signer-0", &DeleteParams::default()).await.unwrap();
        eventually("its pod is terminating", || async {
            pods.get("signer-0-0").await.unwrap().metadata.deletion_timestamp.is_some()
        })
        .await;
        // Longer than a pass.
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        let held = cluster.nodes().get("signer-1").await.unwrap();
        assert_eq!(condition(&held, STALLED).as_deref(), Some("True/SigningKeyInUse"));
        assert!(pods.get_opt("signer-1-0").await.unwrap().is_none());
        pods.patch("signer-0-0", &PatchParams::default(), &finalizers(&[])).await.unwrap();
        until(cluster, "signer-1", "Running", is_running).await;
    });
}

#[test]
fn a_second_node_on_the_same_volume_waits_for_the_first() {
    shared::run(async |cluster| {
        modes::import(cluster).await;
        let import = json!({ "import": { "pvcName": "old-data" } });
        let spec = json!({ "chainId": "arctic-1", "image": A, "fullNode": {}, "dataVolume": import });
        harness::create(cluster, "tenant-0", spec.clone()).await;
        until(cluster, "tenant-0", "Running", is_running).await;
        // Creation timestamps have a resolution of one second.
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
        harness::create(cluster, "tenant-1", spec).await;
        until_condition(cluster, "tenant-1", STALLED, "True/VolumeInUse", "tenant-0").await;
        cluster.nodes().delete("tenant-0", &DeleteParams::default()).await.unwrap();
        until(cluster, "tenant-1", "Running", is_running).await;
    });
}
