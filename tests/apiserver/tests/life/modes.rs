//! Every mode from creation to Running, through an update, to deletion, while the operator is killed
//! repeatedly.

use std::time::Duration;

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use sei_api::conditions::ConditionType;
use sei_testkit::{
    builders,
    certs::Authority,
    cluster::{Cluster, NAMESPACE},
};
use serde_json::{Value, json};

use crate::harness::{self, condition, is_running, until};

const A: &str = "ghcr.io/sei-protocol/sei:v6.4.1";
const B: &str = "ghcr.io/sei-protocol/sei:v6.4.2";

/// Name, and the fields added to chain and image.
fn modes() -> Vec<(&'static str, Value)> {
    let peers = builders::outside_peers();
    let s3 =
        json!({ "s3": { "targetHeight": 100 }, "bootstrapImage": "seid:old", "trustPeriod": "9999h0m0s" });
    vec![
        ("full-0", json!({ "fullNode": {} })),
        ("synced-0", json!({ "fullNode": { "snapshot": { "stateSync": {} } }, "peers": peers })),
        ("restored-0", json!({ "fullNode": { "snapshot": s3 }, "peers": peers })),
        (
            "restored-tls-0",
            json!({
                "fullNode": { "snapshot": s3 },
                "peers": peers,
                "sidecar": { "tls": { "secretName": "restored-tls-0-tls" } },
            }),
        ),
        (
            "archive-0",
            json!({ "archive": { "snapshotGeneration": { "tendermint": { "keepRecent": 3, "publish": {} } } } }),
        ),
        (
            "replayer-0",
            json!({ "replayer": { "snapshot": { "s3": { "targetHeight": 100 } } }, "peers": peers }),
        ),
        ("replayer-1", json!({ "replayer": { "snapshot": s3 }, "peers": peers })),
        (
            "validator-1",
            json!({
                "validator": { "snapshot": s3 },
                "peers": peers,
                "sidecar": { "tls": { "secretName": "validator-1-tls" } },
            }),
        ),
        (
            "validator-0",
            json!({ "validator": {
                "signingKey": { "secret": { "secretName": "signing" } },
                "nodeKey": { "secret": { "secretName": "node-key" } },
                "operatorKeyring": { "secret": {
                    "secretName": "keyring",
                    "passphraseSecretRef": { "secretName": "passphrase", "key": "passphrase" },
                }},
            }}),
        ),
        (
            "ceremony-0",
            json!({ "validator": { "genesisCeremony": {
                "chainId": "arctic-1", "stakingAmount": "10usei", "accountBalance": "20usei", "index": 0,
            }}}),
        ),
        (
            "imported-0",
            json!({
                "fullNode": {},
                "dataVolume": { "import": { "pvcName": "old-data" } },
                // An older sidecar gets a second request, without the key that it rejects.
                "sidecar": { "image": "ghcr.io/sei-protocol/seictl:v0.0.70" },
            }),
        ),
        // They select each other as peers by label: neither waits for the other.
        (
            "peer-0",
            json!({ "fullNode": {}, "peers": [{ "label": { "selector": { "sei.io/node": "peer-1" } } }] }),
        ),
        (
            "peer-1",
            json!({ "fullNode": {}, "peers": [{ "label": { "selector": { "sei.io/node": "peer-0" } } }] }),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_of_every_mode_start_while_the_operator_keeps_crashing() {
    let cluster = harness::cluster().await;
    let authority = Authority::new("issuer").unwrap();
    for name in ["restored-tls-0", "validator-1"] {
        harness::put_secret(&cluster, &authority, &format!("{name}-tls"), &harness::names(name)).await;
    }
    harness::put_keys(&cluster).await;
    import(&cluster).await;
    let labels = |name: &str| json!({ "sei.io/node": name });
    for (name, more) in modes() {
        let mut spec = json!({ "chainId": "arctic-1", "image": A });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        harness::create_labelled(&cluster, name, labels(name), spec).await;
    }
    let story = async {
        for (name, _) in modes() {
            until(&cluster, name, "Running", is_running).await;
        }
        for (name, _) in modes() {
            let patch = json!({ "spec": { "image": B } });
            cluster.nodes().patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
        }
        for (name, _) in modes() {
            let updated = until(&cluster, name, "updated and Ready", |node| {
                let current = node.status.as_ref().and_then(|status| status.current_image.as_deref());
                current == Some(B)
                    && condition(node, ConditionType::Ready).as_deref() == Some("True/NodeReady")
            })
            .await;
            assert_eq!(updated.status.unwrap().observed_generation, updated.metadata.generation, "{name}");
        }
        for (name, _) in modes() {
            cluster.simulator.stop(&Cluster::host(name));
            cluster.simulator.run(&Cluster::host(name));
        }
        for (name, _) in modes() {
            let mut ready = cluster.simulator.readiness(&Cluster::host(name));
            let again = tokio::time::timeout(harness::PATIENCE, ready.wait_for(|ready| *ready)).await;
            assert!(again.is_ok(), "{name} is marked ready again");
            until(&cluster, name, "Ready again", harness::runs(B)).await;
        }
    };
    let killer = async {
        // On a busy machine a process needs most of its first second to start: each one runs a little longer than the
        // one before.
        let mut life = Duration::from_millis(1300);
        loop {
            let operator = harness::operator(&cluster);
            tokio::time::sleep(life).await;
            operator.kill().unwrap();
            life = life.mul_f64(1.1);
        }
    };
    tokio::select! {
        () = story => {}
        () = killer => {}
    }
    for (name, _) in modes() {
        let again = cluster.simulator.repeated(&Cluster::host(name));
        assert!(again.is_empty(), "{name}: ran twice: {again:?}");
    }

    let _operator = harness::operator(&cluster);
    for (name, _) in modes() {
        cluster.nodes().delete(name, &Default::default()).await.unwrap();
    }
    harness::nothing_left_but(&cluster, &["old-data"]).await;
}

/// A bound claim that already existed.
pub async fn import(cluster: &Cluster) {
    let capacity = json!({ "storage": "4Ti" });
    let volume: PersistentVolume = serde_json::from_value(json!({
        "metadata": { "name": "old-volume" },
        "spec": {
            "capacity": capacity,
            "accessModes": ["ReadWriteOnce"],
            "hostPath": { "path": "/data" },
            "claimRef": { "namespace": NAMESPACE, "name": "old-data" },
        },
    }))
    .unwrap();
    let volumes: Api<PersistentVolume> = Api::all(cluster.client.clone());
    volumes.create(&PostParams::default(), &volume).await.unwrap();
    let claim: PersistentVolumeClaim = serde_json::from_value(json!({
        "metadata": { "name": "old-data" },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": capacity },
            "volumeName": "old-volume",
            "storageClassName": "",
        },
    }))
    .unwrap();
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    claims.create(&PostParams::default(), &claim).await.unwrap();
    let bound = |more: Value| {
        let mut status = json!({ "phase": "Bound" });
        status.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Patch::Merge(json!({ "status": status }))
    };
    let params = PatchParams::default();
    let status = json!({ "capacity": capacity, "accessModes": ["ReadWriteOnce"] });
    claims.patch_status("old-data", &params, &bound(status)).await.unwrap();
    volumes.patch_status("old-volume", &params, &bound(json!({}))).await.unwrap();
}
