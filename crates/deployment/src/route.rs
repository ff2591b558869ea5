//! The HTTPRoutes of a group.

use sei_api::SeiNodeDeployment;
use sei_render::Gateway;

use crate::{
    http_route::{BackendRef, HTTPRoute, HTTPRouteSpec, HeaderMatch, Match, ParentRef, Rule},
    object::metadata,
    seat::group_name,
    service::{external_ports, external_service_name},
};

/// The protocols that get a route if a group has their port, and the ports.
const PROTOCOLS: [(&str, &str); 4] = [("evm", "evm-rpc"), ("rpc", "rpc"), ("rest", "rest"), ("grpc", "grpc")];

/// Values of header `Upgrade`, which is case-insensitive. Not every Gateway matches regular expressions.
const WEBSOCKET: [&str; 2] = ["websocket", "WebSocket"];

/// The routes of a group at `gateway`, each with its protocol.
pub(crate) fn routes(group: &SeiNodeDeployment, gateway: &Gateway) -> Vec<(&'static str, HTTPRoute)> {
    let number = |name: &str| external_ports(group).find(|(port, _)| *port == name).map(|(_, number)| number);
    let protocols = PROTOCOLS.into_iter().filter_map(|(protocol, port)| Some((protocol, number(port)?)));
    protocols
        .map(|(protocol, port)| {
            let mut rules = vec![Rule { matches: Vec::new(), backend_refs: vec![backend(group, port)] }];
            if let Some(websockets) = number("evm-ws").filter(|_| protocol == "evm") {
                let matches = WEBSOCKET.map(upgrade_to).to_vec();
                rules.push(Rule { matches, backend_refs: vec![backend(group, websockets)] });
            }
            (protocol, route(group, gateway, protocol, rules))
        })
        .collect()
}

fn route(group: &SeiNodeDeployment, gateway: &Gateway, protocol: &str, rules: Vec<Rule>) -> HTTPRoute {
    let name = format!("{}-{protocol}", group_name(group));
    let namespace = group.metadata.namespace.as_deref().unwrap_or_default();
    let public = gateway.public_domain.as_ref().map(|domain| format!("{name}.{namespace}.{domain}"));
    let hostnames = [format!("{name}.{}", gateway.domain)].into_iter().chain(public).collect();
    let parent = ParentRef { name: gateway.name.clone(), namespace: Some(gateway.namespace.clone()) };
    HTTPRoute {
        metadata: metadata(group, name),
        spec: HTTPRouteSpec { parent_refs: vec![parent], hostnames, rules },
        status: None,
    }
}

fn upgrade_to(protocol: &str) -> Match {
    let (type_, name) = ("Exact".to_owned(), "Upgrade".to_owned());
    Match { headers: vec![HeaderMatch { type_, name, value: protocol.to_owned() }] }
}

fn backend(group: &SeiNodeDeployment, port: u16) -> BackendRef {
    BackendRef { name: external_service_name(group), port }
}
