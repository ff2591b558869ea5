//! SeiNodes that a later version of the Go controller has stored, with fields that this operator does not use.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams, PostParams},
};
use sei_api::{SeiNode, conditions::ConditionType};
use sei_testkit::cluster::{self, Cluster, NAMESPACE};
use serde_json::{Value, json};

use crate::{
    harness::{self, condition, eventually, until, until_condition},
    unreadable::raw,
};

/// Serves a CRD that stores any spec and status.
pub async fn accept_anything(cluster: &Cluster) {
    let mut manifest = sei_api::crd_manifest().unwrap();
    let name = manifest["metadata"]["name"].as_str().unwrap().to_owned();
    let any = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    manifest["spec"]["versions"][0]["schema"]["openAPIV3Schema"] =
        json!({ "type": "object", "properties": { "spec": any, "status": any } });
    let crds: Api<CustomResourceDefinition> = Api::all(cluster.client.clone());
    let params = PatchParams::apply("sei-operator-tests").force();
    crds.patch(&name, &params, &Patch::Apply(&manifest)).await.unwrap();
}

fn specs() -> [(&'static str, Value); 3] {
    let chain = |mode: &str, of_mode: Value| json!({ "chainId": "arctic-1", "image": "ghcr.io/sei-protocol/sei:a", mode: of_mode });
    let with = |mut spec: Value, more: Value| {
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        spec
    };
    let full = with(
        chain("fullNode", json!({ "freeze": { "height": 100 } })),
        json!({
            "externalAddress": "p2p.example:26656",
            "resources": { "requests": { "cpu": 8, "memory": "64Gi" }, "limits": { "memory": "64Gi" } },
            "dataVolume": { "storage": {
                "resources": { "requests": { "storage": "3Ti" } }, "volumeAttributesClassName": "fast",
            } },
            "sidecar": { "port": 7777 },
        }),
    );
    let validator = chain(
        "validator",
        json!({ "operatorKeyring": { "secret": {
        "secretName": "keyring", "keyName": "node_admin", "seidMount": true,
        "passphraseSecretRef": { "secretName": "passphrase", "key": "passphrase" },
    } } }),
    );
    let seed = chain("seed", json!({ "nodeKey": { "secret": { "secretName": "node-key" } } }));
    [("full-0", full), ("val-0", validator), ("seed-0", seed)]
}

/// Stores the nodes, with the new fields of their status.
async fn store(cluster: &Cluster, nodes: &Api<DynamicObject>) {
    accept_anything(cluster).await;
    for (name, spec) in specs() {
        let object = json!({
            "apiVersion": "sei.io/v1alpha1", "kind": "SeiNode",
            "metadata": { "name": name, "namespace": NAMESPACE }, "spec": spec,
        });
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        eventually("the CRD that accepts anything is served", || async {
            let _ = nodes.create(&PostParams::default(), &object).await;
            let stored = nodes.get_opt(name).await.unwrap();
            stored.is_some_and(|stored| stored.data["spec"] == spec)
        })
        .await;
        let status = json!({
            "currentSidecarImage": "seictl:v0.0.68", "statefulSet": { "name": name, "uid": "u" },
            "resolvedStateSyncers": ["a:26657", "b:26657"],
        });
        let patch = Patch::Merge(json!({ "status": status }));
        nodes.patch_status(name, &PatchParams::default(), &patch).await.unwrap();
    }
    cluster::install_crds(&cluster.client).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_a_later_go_controller_keeps_its_spec_and_is_reported() {
    let cluster = harness::cluster().await;
    let nodes = raw::<SeiNode>(&cluster);
    store(&cluster, &nodes).await;
    harness::put_keys(&cluster).await;
    let operator = harness::operator(&cluster);

    let honored = ConditionType::SpecHonored;
    until_condition(&cluster, "full-0", honored, "False/FieldWithoutEffect", "spec.resources").await;
    until_condition(&cluster, "val-0", honored, "False/FieldWithoutEffect", "seidMount").await;
    until(&cluster, "full-0", "ready", |node| {
        condition(node, ConditionType::Ready).as_deref() == Some("True/NodeReady")
    })
    .await;
    for (name, spec) in specs() {
        let stored = nodes.get(name).await.unwrap();
        assert_eq!(stored.data["spec"], spec, "{name}");
        if name != "seed-0" {
            assert!(stored.metadata.finalizers.is_some(), "{name} was written");
            assert_eq!(stored.data["status"].get("statefulSet"), None, "as documented");
        }
    }
    // The API server rejects every write to a node without a mode.
    eventually("the node without a mode is reported", || async {
        operator.log().lines().any(|line| line.contains("seed-0") && line.contains("exactly one of fullNode"))
    })
    .await;
    let calls = cluster.simulator.calls(&Cluster::host("full-0"));
    let applied = calls.iter().rev().find(|call| call.body["type"] == "config-apply").unwrap();
    assert_eq!(applied.body["params"]["overrides"]["network.p2p.external_address"], "p2p.example:26656");
}
