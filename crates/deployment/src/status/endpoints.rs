//! The addresses of the nodes of a group inside the cluster.

use kube::ResourceExt;
use sei_api::{
    SeiNodeDeployment, names, ports,
    v1alpha1::{
        Mode,
        deployment::{DeploymentEndpoints, InternalService, NodeEndpoints, PodService, PodServicePorts},
    },
};

use crate::{
    members::Members,
    observed::Observed,
    service::{internal_service_name, ports as internal_ports},
};

/// The internal Service, once it exists.
pub(super) fn internal(observed: &Observed) -> Option<InternalService> {
    let group = &*observed.group;
    observed.own_internal_service()?;
    Some(InternalService {
        name: internal_service_name(group),
        namespace: namespace(group),
        ports: internal_ports(),
    })
}

/// The headless Services of the SeiNodes.
pub(super) fn pods(group: &SeiNodeDeployment, members: &Members) -> Vec<PodService> {
    let ports = PodServicePorts { evm_http: i64::from(ports::EVM_RPC), evm_ws: i64::from(ports::EVM_WS) };
    let service = |name: String| PodService { name, namespace: namespace(group), ports: ports.clone() };
    members.children().map(|(_, child)| service(child.node.name_any())).collect()
}

pub(super) fn of(observed: &Observed, members: &Members) -> DeploymentEndpoints {
    let group = &*observed.group;
    let namespace = namespace(group);
    let internal = internal(observed).map(|service| service.name);
    let at = |scheme, name: &str, port| names::service_url(scheme, name, &namespace, port);
    let node = |name: String| NodeEndpoints {
        evm_json_rpc: Some(at("http", &name, ports::EVM_RPC)),
        evm_ws: Some(at("ws", &name, ports::EVM_WS)),
        name,
    };
    let serves_evm = group.spec.template.spec.mode() != Some(Mode::Validator);
    DeploymentEndpoints {
        tendermint_rpc: internal.as_ref().map(|name| at("http", name, ports::RPC)),
        tendermint_rest: internal.as_ref().map(|name| at("http", name, ports::REST)),
        nodes: serves_evm.then(|| members.children().map(|(_, child)| node(child.node.name_any())).collect()),
    }
}

fn namespace(group: &SeiNodeDeployment) -> String {
    group.metadata.namespace.clone().unwrap_or_default()
}
