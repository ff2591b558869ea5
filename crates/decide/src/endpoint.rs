//! The URLs of a node inside the cluster.

use sei_api::{
    SeiNode, names, ports,
    v1alpha1::{Mode, NodeEndpoint},
};

/// The URLs of `node`, of its headless Service; `None` in a mode that serves no clients.
pub(crate) fn endpoint(node: &SeiNode) -> Option<NodeEndpoint> {
    let serves = matches!(node.spec.mode(), Some(Mode::FullNode | Mode::Archive));
    let at = |scheme, port| Some(names::service_url(scheme, names::node(node), names::namespace(node), port));
    serves.then(|| NodeEndpoint {
        evm_json_rpc: at("http", ports::EVM_RPC),
        evm_ws: at("ws", ports::EVM_WS),
        tendermint_rpc: at("http", ports::RPC),
        tendermint_rest: at("http", ports::REST),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nodes_that_serve_clients_have_urls() {
        let of = |mode: &str| {
            let spec = json!({ "chainId": "c", "image": "seid:a", mode: {} });
            let node = json!({ "metadata": { "name": "rpc-0", "namespace": "pacific-1" }, "spec": spec });
            endpoint(&serde_json::from_value(node).unwrap())
        };
        assert_eq!(
            serde_json::to_value(of("fullNode")).unwrap(),
            json!({
                "evmJsonRpc": "http://rpc-0.pacific-1.svc:8545",
                "evmWs": "ws://rpc-0.pacific-1.svc:8546",
                "tendermintRpc": "http://rpc-0.pacific-1.svc:26657",
                "tendermintRest": "http://rpc-0.pacific-1.svc:1317",
            })
        );
        assert!(of("archive").is_some());
        assert_eq!(of("validator"), None);
    }
}
