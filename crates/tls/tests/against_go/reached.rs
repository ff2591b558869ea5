//! The operator's own client connects to a server in Go that uses the Secret.

use std::sync::Arc;

use jiff::Timestamp;
use sei_sidecar::{AlwaysOpen, Health, ServerTrust, TokenFile, Transport};
use sei_tls::Trust;

use crate::{
    go::Go,
    secret::{NAMES, conformance},
};

#[tokio::test]
async fn the_operator_connects_to_every_node_whose_secret_is_ready() {
    let Some(mut go) = Go::start() else { return };
    let (mut connected, mut wrong) = (0, Vec::new());
    for mut secret in conformance() {
        // The client uses the clock of this machine.
        secret.at = Timestamp::now();
        let Ok(accepted) = secret.judged() else { continue };
        let trust = match accepted.trust {
            Trust::Roots(roots) => ServerTrust::Roots(roots),
            Trust::Leaf(leaf) => ServerTrust::Leaf(leaf),
        };
        let rule = format!("{}:8443:{}", NAMES[0], go.serve(&secret));
        let transport = Transport::new(vec![rule.parse().unwrap()], Arc::new(AlwaysOpen));
        let no_token = Arc::new(TokenFile::new("no-token".into()));
        let client = transport.verified(&format!("https://{}:8443", NAMES[0]), &trust, no_token);
        match client.unwrap().healthz().await {
            Ok(Health::NotReady) => connected += 1,
            other => wrong.push(format!("{}: {other:?}", secret.name)),
        }
    }
    assert!(wrong.is_empty(), "Ready, and the operator cannot connect:\n{}", wrong.join("\n"));
    assert!(connected > 100, "only {connected} Secrets were tried");
}
