//! Every name derived from a SeiNode, in one place: published in status, checked in the TLS certificate,
//! rendered into objects, used by the client.

use crate::{ClusterDomain, SeiNode};

/// `metadata.name`. The API server sets it on every stored object; it is empty for a file that has none.
pub fn node(node: &SeiNode) -> &str {
    node.metadata.name.as_deref().unwrap_or_default()
}

/// `metadata.namespace`; empty for a file that has none.
pub fn namespace(node: &SeiNode) -> &str {
    node.metadata.namespace.as_deref().unwrap_or_default()
}

/// `namespace/name`, the form in logs and errors.
pub fn full_name(n: &SeiNode) -> String {
    format!("{}/{}", namespace(n), node(n))
}

/// The StatefulSet, its headless Service and the bootstrap Service.
pub fn stateful_set(n: &SeiNode) -> String {
    node(n).to_owned()
}

/// The production pod; the bootstrap pod uses the same host name.
pub fn pod(n: &SeiNode) -> String {
    format!("{}-0", node(n))
}

/// The data volume claim: the imported one, else `data-<name>`.
pub fn data_claim(n: &SeiNode) -> String {
    imported_claim(n).map_or_else(|| format!("data-{}", node(n)), str::to_owned)
}

/// The imported claim, if the SeiNode has one.
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

/// `<name>.<namespace>.svc.<domain>`.
fn service_dns(n: &SeiNode, domain: &ClusterDomain) -> String {
    format!("{}.{}.svc.{domain}", node(n), namespace(n))
}

/// `<name>-0.<name>.<namespace>.svc.<domain>`, the address that the operator connects to.
pub fn pod_dns(n: &SeiNode, domain: &ClusterDomain) -> String {
    format!("{}.{}", pod(n), service_dns(n, domain))
}

/// The DNS names that a certificate of the sidecar API must contain, in the order in which they are
/// published.
pub fn required_dns_names(n: &SeiNode, domain: &ClusterDomain) -> [String; 2] {
    [service_dns(n, domain), pod_dns(n, domain)]
}

/// URL of a port of a Service, for clients in the cluster.
pub fn service_url(scheme: &str, service: &str, namespace: &str, port: u16) -> String {
    format!("{scheme}://{service}.{namespace}.svc:{port}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn named(name: &str, spec: serde_json::Value) -> SeiNode {
        serde_json::from_value(json!({
            "apiVersion": "sei.io/v1alpha1",
            "kind": "SeiNode",
            "metadata": { "name": name, "namespace": "sei" },
            "spec": spec,
        }))
        .unwrap()
    }

    fn plain() -> SeiNode {
        named("node-0", json!({ "chainId": "pacific-1", "image": "seid", "fullNode": {} }))
    }

    #[test]
    fn every_object_is_named_after_the_node() {
        let n = plain();
        assert_eq!(stateful_set(&n), "node-0");
        assert_eq!(pod(&n), "node-0-0");
        assert_eq!(data_claim(&n), "data-node-0");
        assert_eq!(bootstrap_job(&n), "node-0-bootstrap");
        assert_eq!(rbac_proxy_config(&n), "node-0-rbac-proxy-config");
    }

    #[test]
    fn an_imported_claim_replaces_the_created_one() {
        let mut n = plain();
        n.spec.data_volume = serde_json::from_value(json!({ "import": { "pvcName": "old" } })).unwrap();
        assert_eq!((imported_claim(&n), data_claim(&n).as_str()), (Some("old"), "old"));
        n.spec.data_volume = serde_json::from_value(json!({ "import": { "pvcName": "" } })).unwrap();
        assert_eq!((imported_claim(&n), data_claim(&n).as_str()), (None, "data-node-0"));
    }

    #[test]
    fn required_dns_names_are_those_of_the_service_and_the_pod_in_this_order() {
        let default = ClusterDomain::default();
        assert_eq!(
            required_dns_names(&plain(), &default),
            ["node-0.sei.svc.cluster.local", "node-0-0.node-0.sei.svc.cluster.local"]
        );
        let other = ClusterDomain::parse("k8s.example").unwrap();
        assert_eq!(
            required_dns_names(&plain(), &other),
            ["node-0.sei.svc.k8s.example", "node-0-0.node-0.sei.svc.k8s.example"]
        );
    }

    #[test]
    fn names_derived_from_the_longest_node_name_are_valid() {
        let mut n = named(&"a".repeat(52), json!({ "chainId": "c", "image": "i", "fullNode": {} }));
        // Label values: the pod's revision is `<name>-<hash of up to ten>`, its name is a label too.
        assert!(stateful_set(&n).len() + 1 + 10 <= 63);
        assert!(pod(&n).len() <= 63);
        assert!(bootstrap_job(&n).len() <= 63);
        n.metadata.namespace = Some("n".repeat(63));
        let longest = ClusterDomain::parse(&format!("{}.{}", "a".repeat(63), "b".repeat(13))).unwrap();
        assert_eq!(pod_dns(&n, &longest).len(), 253);
    }
}
