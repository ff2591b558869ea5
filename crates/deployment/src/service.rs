//! The Services of a group: internal, and external behind a Gateway. They select every pod of one of its sets, of any
//! revision, so that an update in place removes no serving pod from them.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use sei_api::{
    SeiNodeDeployment, ports,
    v1alpha1::{Mode, deployment::InternalPorts},
};
use sei_render::service_port;

use crate::{
    object::metadata,
    seat::{Color, group_name},
};

/// Name of the internal Service.
pub(crate) fn internal_service_name(group: &SeiNodeDeployment) -> String {
    format!("{}-internal", group_name(group))
}

/// Name of the external Service.
pub(crate) fn external_service_name(group: &SeiNodeDeployment) -> String {
    format!("{}-external", group_name(group))
}

/// The internal Service.
pub(crate) fn internal_service(group: &SeiNodeDeployment, traffic: Color) -> Service {
    let ports = [("rpc", ports::RPC), ("evm-http", ports::EVM_RPC), ("rest", ports::REST)]
        .map(|(name, number)| service_port(name, number));
    service(group, internal_service_name(group), traffic, ports.into())
}

/// The external Service, without the label of the others, as with the Go controller: validators are reached by peers
/// only.
pub(crate) fn external_service(group: &SeiNodeDeployment, traffic: Color) -> Service {
    let ports = external_ports(group).map(|(name, number)| service_port(name, number));
    let mut service = service(group, external_service_name(group), traffic, ports.collect());
    service.metadata.annotations = None;
    service
}

/// Names and numbers of the ports for clients outside the cluster.
pub(crate) fn external_ports(group: &SeiNodeDeployment) -> impl Iterator<Item = (&'static str, u16)> {
    let is_validator = group.spec.template.spec.mode() == Some(Mode::Validator);
    ports::SEID
        .into_iter()
        .filter(move |(name, _)| if is_validator { *name == "p2p" } else { *name != "metrics" })
}

fn service(group: &SeiNodeDeployment, name: String, traffic: Color, ports: Vec<ServicePort>) -> Service {
    Service {
        metadata: metadata(group, name),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            selector: Some(traffic.selector(group)),
            ports: Some(ports),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}

/// The ports of the internal Service, for the status.
pub(crate) fn ports() -> InternalPorts {
    InternalPorts {
        rpc: i64::from(ports::RPC),
        evm_http: i64::from(ports::EVM_RPC),
        rest: i64::from(ports::REST),
    }
}
