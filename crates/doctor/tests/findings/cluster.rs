//! What is read of a cluster with a healthy installation.

use sei_doctor::{Facts, Permission};
use serde_json::{Value, json};

pub fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn settings() -> Value {
    let settings = [
        ("SEI_NODEPOOL_NAME", "sei-node"),
        ("SEI_NODEPOOL_ARCHIVE", "sei-archive"),
        ("SEI_TOLERATION_KEY", "sei.io/workload"),
        ("SEI_SERVICE_ACCOUNT", "seid-node"),
        ("SEI_STORAGE_CLASS_PERF", "gp3"),
        ("SEI_STORAGE_CLASS_ARCHIVE", "gp3-archive"),
        ("SEI_STORAGE_SIZE_DEFAULT", "1Ti"),
        ("SEI_STORAGE_SIZE_ARCHIVE", "20Ti"),
        ("SEI_RESOURCE_CPU_DEFAULT", "4"),
        ("SEI_RESOURCE_MEM_DEFAULT", "32Gi"),
        ("SEI_RESOURCE_CPU_ARCHIVE", "8"),
        ("SEI_RESOURCE_MEM_ARCHIVE", "64Gi"),
        ("SEI_SNAPSHOT_BUCKET", "snapshots"),
        ("SEI_SNAPSHOT_REGION", "us-east-2"),
        ("SEI_GENESIS_BUCKET", "genesis"),
        ("SEI_GENESIS_REGION", "us-east-2"),
        ("SEI_SIDECAR_IMAGE", "seictl:v0.0.50"),
        ("SEI_COSMOS_EXPORTER_IMAGE", "exporter:v1"),
    ];
    settings.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

pub fn deployment() -> Value {
    json!({
        "metadata": { "name": "sei-operator", "namespace": "system",
            "labels": { "app.kubernetes.io/name": "sei-operator" } },
        "spec": { "replicas": 2, "selector": {}, "template": { "spec": { "serviceAccountName": "sei-operator",
            "containers": [{ "name": "operator", "image": "sei-operator:1", "env": settings(),
                "args": ["run", "--leader-election-id=lease", "--watch-namespace=a", "--watch-namespace=b"] }] } } },
        "status": { "readyReplicas": 2 },
    })
}

pub fn go() -> Value {
    json!({
        "metadata": { "name": "manager", "namespace": "go" },
        "spec": { "selector": {}, "template": { "spec": { "containers": [
            { "name": "manager", "image": "ghcr.io/sei-protocol/sei-k8s-controller:v1" },
        ] } } },
    })
}

pub fn node(sidecar: &str, stalled: &str) -> Value {
    let condition = |type_: &str, status: &str, reason: &str| {
        json!({ "type": type_, "status": status, "reason": reason, "message": "",
            "lastTransitionTime": "2030-01-01T00:00:00Z" })
    };
    json!({
        "metadata": { "name": "rpc-0", "namespace": "sei" },
        "spec": { "chainId": "c", "image": "i", "fullNode": {} },
        "status": { "conditions": [
            condition("SidecarReady", "False", sidecar), condition("Stalled", stalled, "PlanFailed"),
        ] },
    })
}

pub fn permission(verb: &str) -> Permission {
    Permission {
        namespace: Some("a".to_owned()),
        group: "apps".to_owned(),
        resource: "statefulsets".to_owned(),
        verb: verb.to_owned(),
        name: None,
    }
}

pub fn lease(renewed: &str) -> Value {
    json!({ "metadata": { "name": "lease" },
        "spec": { "holderIdentity": "pod-1", "leaseDurationSeconds": 15, "renewTime": renewed } })
}

pub fn in_order() -> Facts {
    let now = "2030-01-01T00:00:10Z".parse().unwrap();
    Facts {
        now,
        server_time: Ok(now),
        server_version: Ok((1, 35)),
        crds: Ok(sei_api::crds().to_vec()),
        deployments: Ok(vec![read(deployment())]),
        lease: Ok(Some(read(lease("2030-01-01T00:00:05.000000Z")))),
        permissions: Ok(vec![(permission("get"), true), (permission("patch"), true)]),
        nodes: Ok(vec![read(node("Ready", "False"))]),
        answers: vec![],
        pods: Ok(vec![]),
        cert_manager: Ok(true),
    }
}
