//! Groups are scaled and updated, while nodes fail.

use std::time::Duration;

use kube::{ResourceExt, api::DeleteParams};
use sei_api::labels;
use sei_testkit::cluster::Cluster;
use serde_json::{Value, json};

use super::bed::{A, B, Bed, GROUP, full_nodes};
use crate::harness::{self, eventually, nothing_left_but};

#[tokio::test(flavor = "multi_thread")]
async fn a_group_grows_shrinks_and_is_deleted() {
    let bed = Bed::start().await;
    bed.create(full_nodes(1)).await;
    for (replicas, names) in [
        (1, &["rpc-0"][..]),
        (3, &["rpc-0", "rpc-1", "rpc-2"]),
        (5, &["rpc-0", "rpc-1", "rpc-2", "rpc-3", "rpc-4"]),
        (2, &["rpc-0", "rpc-1"]),
    ] {
        bed.edit(json!({ "replicas": replicas })).await;
        bed.until_complete().await;
        assert_eq!(bed.names().await, names);
    }
    bed.delete().await;
    nothing_left_but(&bed.cluster, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_can_be_reverted_at_every_step_with_at_most_one_node_down() {
    let bed = Bed::start().await;
    bed.create(full_nodes(3)).await;
    bed.until_complete().await;
    for step in 1..=3 {
        let unavailable = bed.count_unavailable();
        bed.set_image(B).await;
        eventually("the rollout has come this far", || async { bed.with_image(B).await >= step }).await;
        bed.set_image(A).await;
        bed.until_complete().await;
        assert_eq!(bed.with_image(A).await, 3);
        assert_eq!(unavailable.most(&bed).await, 1, "reverted when {step} nodes had the new image");
        eventually("the other node is gone", || async { bed.names().await.len() == 3 }).await;
    }
    let group = bed.groups().get(GROUP).await.unwrap();
    let counts = group.status.unwrap();
    assert_eq!((counts.updated_replicas, counts.available_replicas), (Some(3), Some(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn added_and_removed_fields_of_the_template_reach_the_nodes() {
    let bed = Bed::start().await;
    let key = |name: &str| json!({ "secret": { "secretName": name } });
    bed.create(json!({
        "replicas": 2,
        "template": {
            "metadata": { "labels": { "team": "core", "sei.io/role": "validator" }, "annotations": { "note": "x" } },
            "spec": {
                "chainId": "pacific-1", "image": A,
                "podLabels": { "zone": "a" },
                "overrides": { "evm.http_port": "8545", "p2p.max_connections": "50" },
                "entrypoint": { "command": ["seid"] },
                "peers": [{ "label": { "selector": { "role": "seed" } } }],
                "sidecar": {
                    "image": "seictl:a", "tls": { "secretName": "$(name)-tls" },
                    "resources": { "limits": { "memory": "1024Mi", "cpu": 1 } },
                },
                "dataVolume": { "import": { "pvcName": "data-$(name)" } },
                "validator": {
                    "signingKey": key("$(name)-signing"), "nodeKey": key("$(name)-node"),
                    "operatorKeyring": { "secret": {
                        "secretName": "$(name)-keyring",
                        "passphraseSecretRef": { "secretName": "$(name)-phrase", "key": "phrase" },
                    } },
                    "snapshot": { "s3": { "targetHeight": 100 } },
                },
            },
        },
    }))
    .await;
    eventually("the nodes exist", || async { bed.nodes().await.len() == 2 }).await;
    let node = bed.cluster.nodes().get("rpc-1").await.unwrap();
    assert_eq!(node.spec.tls().unwrap().secret_name, "rpc-1-tls");

    let by_others = json!({
        "metadata": { "annotations": { labels::RETRY_ANNOTATION: "1" }, "labels": { "by": "hand" } },
    });
    harness::patch(&bed.cluster, "rpc-1", by_others).await;
    bed.edit(json!({ "template": {
        "metadata": { "labels": { "team": null }, "annotations": null },
        "spec": {
            "overrides": { "evm.http_port": null }, "peers": null, "podLabels": null, "sidecar": { "resources": null },
        },
    } }))
    .await;
    eventually("the change reaches the nodes", || async {
        bed.nodes().await.iter().all(|node| node.spec.peers.is_none())
    })
    .await;
    for name in ["rpc-0", "rpc-1"] {
        let node = json!(bed.cluster.nodes().get(name).await.unwrap());
        let spec = &node["spec"];
        assert_eq!(spec["overrides"], json!({ "p2p.max_connections": "50" }));
        assert_eq!(spec["sidecar"]["resources"], Value::Null);
        let mut pod_labels: Vec<_> = spec["podLabels"].as_object().unwrap().keys().collect();
        pod_labels.sort();
        assert_eq!(pod_labels, [labels::DEPLOYMENT, labels::REVISION]);
        assert_eq!(node["metadata"]["labels"]["team"], Value::Null);
    }
    let node = bed.cluster.nodes().get("rpc-1").await.unwrap();
    let annotations: Vec<_> = node.annotations().iter().collect();
    assert_eq!(annotations, [(&labels::RETRY_ANNOTATION.to_owned(), &"1".to_owned())]);
    assert_eq!(node.labels()["by"], "hand");
    eventually("the status lists the Secrets", || async {
        let status = bed.groups().get(GROUP).await.unwrap().status.unwrap();
        let secrets: Vec<_> =
            status.sidecar_tls.iter().flatten().map(|secret| &*secret.secret_name).collect();
        secrets == ["rpc-0-tls", "rpc-1-tls"]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_or_deleted_node_blocks_no_revert_and_is_recreated() {
    let bed = Bed::start().await;
    bed.create(full_nodes(3)).await;
    bed.until_complete().await;
    // The updated node does not become ready: the others keep serving.
    harness::stuck(&bed.cluster, "rpc-2", &["mark-ready"]);
    bed.set_image(B).await;
    eventually("the highest ordinal is updated", || async { bed.with_image(B).await == 1 }).await;
    bed.until_ready("False/UpdateInProgress").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(bed.with_image(B).await, 1, "the rollout waits for it");
    let group = bed.groups().get(GROUP).await.unwrap();
    let nodes = group.status.unwrap().nodes.unwrap();
    let reasons: Vec<_> = nodes.iter().map(|node| node.reason.as_deref()).collect();
    assert_eq!(reasons[..2], [Some("UpdatePending"); 2]);

    let before = bed.cluster.nodes().get("rpc-1").await.unwrap().uid();
    // Its sidecar is restarted, and a node that is waiting to be updated is deleted.
    harness::stuck(&bed.cluster, "rpc-2", &[]);
    let host = Cluster::host("rpc-2");
    bed.cluster.simulator.stop(&host);
    bed.cluster.simulator.run(&host);
    bed.cluster.nodes().delete("rpc-1", &DeleteParams::default()).await.unwrap();
    bed.until_complete().await;
    assert_ne!(bed.cluster.nodes().get("rpc-1").await.unwrap().uid(), before);
    assert_eq!(bed.with_image(B).await, 3);
}
