//! Objects for tests.

use k8s_openapi::api::core::v1::Secret;
use sei_api::SeiNode;
use serde_json::{Value, json};

use crate::certs::Pair;

/// A SeiNode with this spec.
///
/// # Errors
/// If the spec is invalid.
pub fn node(namespace: &str, name: &str, spec: Value) -> anyhow::Result<SeiNode> {
    Ok(serde_json::from_value(json!({
        "apiVersion": "sei.io/v1alpha1",
        "kind": "SeiNode",
        "metadata": { "name": name, "namespace": namespace },
        "spec": spec,
    }))?)
}

/// Spec of a full node that syncs from genesis.
pub fn full_node(image: &str) -> Value {
    json!({ "chainId": "arctic-1", "image": image, "fullNode": {} })
}

/// Peers outside the cluster, which always respond: without any, no sidecar can configure state sync.
pub fn outside_peers() -> Value {
    json!([{ "static": { "addresses": ["3be6b24cf86a5938cce7d48f44fb6598465a9924@p2p.example:26656"] } }])
}

/// Spec of a full node with TLS on its sidecar API.
pub fn tls_full_node(image: &str, secret: &str) -> Value {
    let mut spec = full_node(image);
    spec["sidecar"] = json!({ "tls": { "secretName": secret } });
    spec
}

/// A `kubernetes.io/tls` Secret; `ca` is the PEM of its authority.
///
/// # Errors
/// None in practice.
pub fn tls_secret(namespace: &str, name: &str, pair: &Pair, ca: &str) -> anyhow::Result<Secret> {
    Ok(serde_json::from_value(json!({
        "metadata": { "name": name, "namespace": namespace },
        "type": "kubernetes.io/tls",
        "stringData": { "tls.crt": pair.crt, "tls.key": pair.key, "ca.crt": ca },
    }))?)
}

/// Settings of a small platform, as `SEI_*` variables.
pub fn platform() -> Vec<(&'static str, &'static str)> {
    vec![
        ("SEI_NODEPOOL_NAME", "sei-node"),
        ("SEI_NODEPOOL_ARCHIVE", "sei-archive"),
        ("SEI_TOLERATION_KEY", "sei.io/workload"),
        ("SEI_SERVICE_ACCOUNT", "seid-node"),
        ("SEI_STORAGE_CLASS_PERF", "gp3-10k-750"),
        ("SEI_STORAGE_CLASS_ARCHIVE", "gp3-archive"),
        ("SEI_STORAGE_SIZE_DEFAULT", "2000Gi"),
        ("SEI_STORAGE_SIZE_ARCHIVE", "40Ti"),
        ("SEI_RESOURCE_CPU_DEFAULT", "4"),
        ("SEI_RESOURCE_MEM_DEFAULT", "32Gi"),
        ("SEI_RESOURCE_CPU_ARCHIVE", "48"),
        ("SEI_RESOURCE_MEM_ARCHIVE", "448Gi"),
        ("SEI_SNAPSHOT_BUCKET", "snapshots"),
        ("SEI_SNAPSHOT_REGION", "us-east-2"),
        ("SEI_GENESIS_BUCKET", "genesis"),
        ("SEI_GENESIS_REGION", "us-east-2"),
        ("SEI_SIDECAR_IMAGE", "ghcr.io/sei-protocol/seictl:v0.0.50"),
        ("SEI_KUBE_RBAC_PROXY_IMAGE", "quay.io/brancz/kube-rbac-proxy:v0.19.1"),
        ("SEI_COSMOS_EXPORTER_IMAGE", "ghcr.io/sei-protocol/sei-cosmos-exporter:v0.1.0"),
    ]
}
