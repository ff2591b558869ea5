//! Address of a node's sidecar and how to connect to it: from the running pod, not from the current spec.

use k8s_openapi::api::core::v1::{Container, Pod};
use sei_api::{ClusterDomain, SeiNode, labels, names, ports};
use sei_sidecar::ServerTrust;

/// The sidecar of one pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// UID of the pod.
    pub(crate) pod: String,
    /// Host name of the pod.
    pub(crate) host: String,
    /// The sidecar's own port.
    pub(crate) port: u16,
    /// How its certificate is verified; `None` without TLS.
    pub(crate) tls: Option<Verification>,
}

/// How a sidecar behind TLS is verified, and the audience of its tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verification {
    pub(crate) trust: ServerTrust,
    pub(crate) audience: String,
}

impl Target {
    /// The sidecar in `pod` of `node`, in a cluster with this DNS domain. With TLS its certificate is verified
    /// against `trust`.
    pub(crate) fn of(node: &SeiNode, pod: &Pod, trust: Option<ServerTrust>, domain: &ClusterDomain) -> Self {
        let tls = trust.map(|trust| Verification { trust, audience: audience(node, pod) });
        Self {
            pod: pod.metadata.uid.clone().unwrap_or_default(),
            host: names::pod_dns(node, domain),
            port: port(pod).unwrap_or_else(|| node.spec.sidecar_port()),
            tls,
        }
    }

    /// Whether it uses TLS.
    pub(super) fn is_verified(&self) -> bool {
        self.tls.is_some()
    }

    /// Base URL of the API: on the sidecar's own port, or through the proxy.
    pub(super) fn url(&self) -> String {
        match self.tls {
            Some(_) => format!("https://{}:{}", self.host, ports::RBAC_PROXY),
            None => self.plain_url(),
        }
    }

    /// Base URL of seid's RPC.
    pub(super) fn rpc_url(&self) -> String {
        format!("http://{}:{}", self.host, ports::RPC)
    }

    /// Base URL on the sidecar's own port.
    pub(super) fn plain_url(&self) -> String {
        format!("http://{}:{}", self.host, self.port)
    }
}

/// Changes when one of the pod's init containers, including the sidecar, restarts or becomes ready.
pub(crate) fn fingerprint(pod: &Pod) -> String {
    let status = pod.status.as_ref();
    let containers = status.iter().flat_map(|status| status.init_container_statuses.iter().flatten());
    let parts = containers.map(|it| format!("{}:{}:{}", it.name, it.restart_count, it.ready));
    let address = status.and_then(|status| status.pod_ip.clone());
    address.into_iter().chain(parts).collect::<Vec<_>>().join(",")
}

fn container<'a>(pod: &'a Pod, name: &str) -> Option<&'a Container> {
    pod.spec.as_ref()?.init_containers.iter().flatten().find(|container| container.name == name)
}

/// The port that the pod's sidecar was started with.
fn port(pod: &Pod) -> Option<u16> {
    let variables = container(pod, "sei-sidecar")?.env.as_ref()?;
    variables.iter().find(|it| it.name == "SEI_SIDECAR_PORT")?.value.as_ref()?.parse().ok()
}

/// The audience of tokens for the pod's proxy: the node's own, or, if the proxy runs with it, the one that all nodes
/// formerly shared. Any other audience is ignored: a token for it could be used elsewhere.
fn audience(node: &SeiNode, pod: &Pod) -> String {
    let arguments =
        container(pod, "kube-rbac-proxy").and_then(|proxy| proxy.args.as_deref()).unwrap_or_default();
    let shared = format!("--auth-token-audiences={}", labels::SHARED_SIDECAR_AUDIENCE);
    match arguments.contains(&shared) {
        true => labels::SHARED_SIDECAR_AUDIENCE.to_owned(),
        false => labels::sidecar_audience(node),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn node() -> SeiNode {
        let spec = json!({ "chainId": "c", "image": "i", "fullNode": {}, "sidecar": { "port": 7000 } });
        let metadata = json!({ "name": "node-0", "namespace": "sei" });
        let node =
            json!({ "apiVersion": "sei.io/v1alpha1", "kind": "SeiNode", "metadata": metadata, "spec": spec });
        serde_json::from_value(node).unwrap()
    }

    fn pod(init_containers: Value) -> Pod {
        let spec = json!({ "containers": [], "initContainers": init_containers });
        serde_json::from_value(json!({ "metadata": { "uid": "u" }, "spec": spec })).unwrap()
    }

    #[test]
    fn the_port_comes_from_the_pod_and_not_from_the_spec() {
        let env = json!([{ "name": "SEI_SIDECAR_PORT", "value": "7777" }]);
        let running = pod(json!([{ "name": "sei-sidecar", "env": env }]));
        let (domain, host) = (ClusterDomain::default(), "node-0-0.node-0.sei.svc.cluster.local");
        assert_eq!(Target::of(&node(), &running, None, &domain).url(), format!("http://{host}:7777"));
        assert_eq!(Target::of(&node(), &pod(json!([])), None, &domain).url(), format!("http://{host}:7000"));
        let trust = Some(ServerTrust::Roots(Vec::new()));
        let verified = Target::of(&node(), &running, trust, &domain);
        assert_eq!(verified.url(), format!("https://{host}:8443"));
        assert_eq!(verified.plain_url(), format!("http://{host}:7777"));
    }

    #[test]
    fn the_host_is_in_the_domain_of_the_cluster() {
        let domain = ClusterDomain::parse("k8s.example").unwrap();
        let target = Target::of(&node(), &pod(json!([])), None, &domain);
        assert_eq!(target.host, "node-0-0.node-0.sei.svc.k8s.example");
    }

    #[test]
    fn tokens_have_the_audience_of_the_node_or_the_former_shared_one() {
        let of = |argument: &str| {
            audience(&node(), &pod(json!([{ "name": "kube-rbac-proxy", "args": ["--v=0", argument] }])))
        };
        assert_eq!(of("--auth-token-audiences=sei-sidecar/sei/node-0"), "sei-sidecar/sei/node-0");
        assert_eq!(of("--auth-token-audiences=sei-sidecar"), "sei-sidecar");
        for theirs in ["sei-sidecar/sei/other", "https://kubernetes.default.svc", "sei-sidecar,vault"] {
            assert_eq!(of(&format!("--auth-token-audiences={theirs}")), "sei-sidecar/sei/node-0", "{theirs}");
        }
    }
}
