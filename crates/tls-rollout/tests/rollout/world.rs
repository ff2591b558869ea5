//! A node that passes all checks.

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use sei_api::{ClusterDomain, SeiNode};
use sei_tls_rollout::{Observed, Secret, Volume};
use serde_json::{Value, json};

pub(crate) fn node(name: &str, spec: Value) -> SeiNode {
    let mut object = json!({
        "apiVersion": "sei.io/v1alpha1", "kind": "SeiNode",
        "metadata": { "name": name, "namespace": "sei", "uid": "node-1", "labels": { "team": "infra" },
            "annotations": { "sei.io/retry": "1", "note": "kept" } },
        "spec": { "chainId": "pacific-1", "image": "seid:1", "fullNode": {} },
        "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True", "reason": "NodeReady",
            "message": "", "lastTransitionTime": "2030-01-01T00:00:00Z" }] },
    });
    object["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    serde_json::from_value(object).unwrap()
}

pub(crate) fn claim(name: &str) -> PersistentVolumeClaim {
    serde_json::from_value(json!({
        "metadata": { "name": format!("data-{name}"), "namespace": "sei", "uid": "claim-1", "resourceVersion": "7",
            "annotations": { "sei.io/initialized": "pacific-1" },
            "ownerReferences": [{ "apiVersion": "sei.io/v1alpha1", "kind": "SeiNode", "name": name, "uid": "node-1" }] },
        "spec": { "volumeName": "pv-1" },
        "status": { "phase": "Bound" },
    }))
    .unwrap()
}

fn pod(name: &str) -> Pod {
    serde_json::from_value(json!({ "metadata": { "name": format!("{name}-0") } })).unwrap()
}

pub(crate) fn running(name: &str) -> Observed {
    Observed {
        node: Some(node(name, json!({}))),
        claim: Some(claim(name)),
        volume: Volume::Retained,
        pod: Some(pod(name)),
        secret: Secret::Valid,
        certificate: false,
        domain: ClusterDomain::default(),
        group: None,
    }
}
