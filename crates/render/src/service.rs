//! The headless Services of the node and of its bootstrap.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{Service, ServicePort, ServiceSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};
use sei_api::{SeiNode, labels, names, ports};

use crate::{meta::metadata, workload::Workload};

/// The headless Service that gives the pod its DNS name and lists seid's ports; the sidecar's port is never
/// among them.
pub(crate) fn service(workload: &Workload<'_>) -> Service {
    let node = workload.object();
    let mut ports: Vec<_> = ports::SEID.iter().map(|(name, number)| service_port(name, *number)).collect();
    ports.extend(proxy_port(workload));
    headless(node, labels::node_labels(node), labels::selector(node), ports)
}

/// The Service that gives the bootstrap pod the same DNS name; `None` if there is no bootstrap.
pub(crate) fn bootstrap_service(workload: &Workload<'_>) -> Option<Service> {
    workload.node.bootstrap()?;
    let node = workload.object();
    let labels = labels::bootstrap(node);
    let mut ports = vec![service_port("sidecar", workload.pod.sidecar_port)];
    ports.extend(proxy_port(workload));
    Some(headless(node, labels.clone(), labels, ports))
}

fn proxy_port(workload: &Workload<'_>) -> Option<ServicePort> {
    workload.tls.map(|_| service_port("api", ports::RBAC_PROXY))
}

fn headless(
    node: &SeiNode,
    labels: BTreeMap<String, String>,
    selector: BTreeMap<String, String>,
    ports: Vec<ServicePort>,
) -> Service {
    Service {
        metadata: metadata(node, names::stateful_set(node), labels),
        spec: Some(ServiceSpec {
            cluster_ip: Some("None".to_owned()),
            // The operator connects to the sidecar long before the pod is ready.
            publish_not_ready_addresses: Some(true),
            selector: Some(selector),
            ports: Some(ports),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}

/// A port of a Service, for the port of the pod with the same number.
pub fn service_port(name: &str, number: u16) -> ServicePort {
    ServicePort {
        name: Some(name.to_owned()),
        port: number.into(),
        target_port: Some(IntOrString::Int(number.into())),
        protocol: Some("TCP".to_owned()),
        app_protocol: (number == ports::GRPC).then(|| "kubernetes.io/h2c".to_owned()),
        ..ServicePort::default()
    }
}
