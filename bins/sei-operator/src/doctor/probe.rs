//! Calls sidecars through the API server, which is at a different place in the network than the operator.

use std::time::Duration;

use kube::{Client, ResourceExt};
use sei_api::{SeiNode, names, ports};
use sei_controller::error_message;
use sei_doctor::{Answer, Read, unreachable};

/// Maximum number of sidecars that are called.
const CALLED: usize = 3;
/// Time limit of a call.
const PATIENCE: Duration = Duration::from_secs(5);

/// The results for the first sidecars that the operator cannot reach.
pub(super) async fn answers(client: &Client, nodes: &Read<Vec<SeiNode>>) -> Vec<(String, Answer)> {
    let Ok(nodes) = nodes else { return Vec::new() };
    let calls = unreachable(nodes).into_iter().take(CALLED).map(async |node| {
        let name = format!("{}/{}", node.namespace().unwrap_or_default(), node.name_any());
        let silence = || Answer::Silence(format!("no response within {} s", PATIENCE.as_secs()));
        let answer = tokio::time::timeout(PATIENCE, call(client, node)).await;
        (name, answer.unwrap_or_else(|_| silence()))
    });
    futures::future::join_all(calls).await
}

async fn call(client: &Client, node: &SeiNode) -> Answer {
    let request = match http::Request::get(path(node)).body(Vec::new()) {
        Ok(request) => request,
        Err(error) => return Answer::Silence(error.to_string()),
    };
    match client.request_text(request).await {
        Ok(_) => Answer::Response,
        Err(kube::Error::Api(status)) if status.code == 403 => Answer::Denied(status.message),
        Err(kube::Error::Api(status)) => Answer::Silence(status.message),
        Err(error) => Answer::Silence(error_message(&error)),
    }
}

/// The path of the sidecar's livez, which needs no token with TLS either.
fn path(node: &SeiNode) -> String {
    let (scheme, port) = match node.spec.tls() {
        Some(_) => ("https", ports::RBAC_PROXY),
        None => ("http", node.spec.sidecar_port()),
    };
    let (namespace, pod) = (node.namespace().unwrap_or_default(), names::pod(node));
    format!("/api/v1/namespaces/{namespace}/pods/{scheme}:{pod}:{port}/proxy/v0/livez")
}

#[cfg(test)]
mod tests {
    use sei_testkit::builders;

    use super::*;

    #[test]
    fn the_port_follows_the_tls_setting() {
        let of = |spec| path(&builders::node("sei", "rpc-0", spec).unwrap());
        let start = "/api/v1/namespaces/sei/pods";
        assert_eq!(of(builders::full_node("i")), format!("{start}/http:rpc-0-0:7777/proxy/v0/livez"));
        let tls = of(builders::tls_full_node("i", "tls"));
        assert_eq!(tls, format!("{start}/https:rpc-0-0:8443/proxy/v0/livez"));
    }
}
