//! Every name derived from a SeiNode, in one place: published in status, checked by the TLS verdict,
//! rendered into objects, dialled by the client.

use crate::{SeiNode, ports};

/// DNS domain of the cluster. The certificates of running fleets carry it.
pub const CLUSTER_DOMAIN: &str = "cluster.local";

/// `metadata.name`. The API server sets it on every stored object; a file may lack it, then it is empty.
pub fn node(node: &SeiNode) -> &str {
    node.metadata.name.as_deref().unwrap_or_default()
}

/// `metadata.namespace`, empty for an object read from a file that has none.
pub fn namespace(node: &SeiNode) -> &str {
    node.metadata.namespace.as_deref().unwrap_or_default()
}

/// The StatefulSet, its headless Service and the bootstrap Service.
pub fn stateful_set(n: &SeiNode) -> String {
    node(n).to_owned()
}

/// The production pod; the bootstrap pod takes the same host name.
pub fn pod(n: &SeiNode) -> String {
    format!("{}-0", node(n))
}

/// The data volume claim: the imported one, else `data-<name>`.
pub fn data_claim(n: &SeiNode) -> String {
    imported_claim(n).map_or_else(|| format!("data-{}", node(n)), str::to_owned)
}

/// The imported claim, when the SeiNode names one.
pub fn imported_claim(n: &SeiNode) -> Option<&str> {
    let import = n.spec.data_volume.as_ref()?.import.as_ref()?;
    Some(import.pvc_name.as_str()).filter(|name| !name.is_empty())
}

/// The one-shot bootstrap Job.
pub fn bootstrap_job(n: &SeiNode) -> String {
    format!("{}-bootstrap", node(n))
}

/// ConfigMap with the configuration of kube-rbac-proxy.
pub fn rbac_proxy_config(n: &SeiNode) -> String {
    format!("{}-rbac-proxy-config", node(n))
}

/// `<name>.<namespace>.svc.cluster.local`.
pub fn service_dns(n: &SeiNode) -> String {
    format!("{}.{}.svc.{CLUSTER_DOMAIN}", node(n), namespace(n))
}

/// `<name>-0.<name>.<namespace>.svc.cluster.local`, what the operator dials.
pub fn pod_dns(n: &SeiNode) -> String {
    format!("{}.{}", pod(n), service_dns(n))
}

/// The DNS names that a certificate of the sidecar API must carry, in the order in which they are published.
pub fn required_dns_names(n: &SeiNode) -> [String; 2] {
    [service_dns(n), pod_dns(n)]
}

/// Base URL of the sidecar API: plain on the sidecar's port, or through kube-rbac-proxy under TLS.
pub fn sidecar_url(n: &SeiNode) -> String {
    if n.spec.tls().is_some() {
        format!("https://{}:{}", pod_dns(n), ports::RBAC_PROXY)
    } else {
        format!("http://{}:{}", pod_dns(n), n.spec.sidecar_port())
    }
}
