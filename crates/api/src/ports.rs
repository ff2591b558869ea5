//! Port numbers that are part of the contract between nodes, their sidecars and the operator.

/// Default port of the sidecar's HTTP API.
pub const SIDECAR_DEFAULT: u16 = 7777;

/// kube-rbac-proxy in front of the sidecar, when `spec.sidecar.tls` is set.
pub const RBAC_PROXY: u16 = 8443;

/// cosmos-exporter's metrics.
pub const COSMOS_EXPORTER: u16 = 9300;

/// seid's JSON-RPC, also used by its readiness probe.
pub const RPC: u16 = 26657;

/// seid's peer-to-peer network.
pub const P2P: u16 = 26656;

/// seid's gRPC.
pub const GRPC: u16 = 9090;

/// seid's REST API.
pub const REST: u16 = 1317;

/// JSON-RPC of seid's EVM.
pub const EVM_RPC: u16 = 8545;

/// Websockets of seid's EVM.
pub const EVM_WS: u16 = 8546;

/// The ports of seid by name, in the order in which containers and Services list them.
pub const SEID: [(&str, u16); 7] = [
    ("evm-rpc", EVM_RPC),
    ("evm-ws", EVM_WS),
    ("grpc", GRPC),
    ("rest", REST),
    ("p2p", P2P),
    ("rpc", RPC),
    ("metrics", 26660),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_containers_of_a_pod_share_a_port() {
        let mut all: Vec<u16> = SEID.iter().map(|(_, port)| *port).collect();
        all.extend([SIDECAR_DEFAULT, RBAC_PROXY, COSMOS_EXPORTER]);
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }

    #[test]
    fn seid_uses_the_well_known_ports_for_rpc_and_grpc() {
        assert!(SEID.contains(&("rpc", RPC)) && SEID.contains(&("grpc", GRPC)));
    }
}
