//! What simulated sidecars can reach: each other, and an outside in which everything responds.

use std::sync::Weak;

use serde_json::{Value, json};

use super::{Answer, World};

/// Height of the simulated chains.
const HEIGHT: &str = "100000";
const CLUSTER: &str = ".svc.cluster.local";
/// ID of nodes outside.
const OUTSIDE: &str = "0123456789abcdef0123456789abcdef01234567";

/// Nodes whose ID can be queried.
pub(super) trait Answers: Send + Sync {
    /// ID of a node whose seid is running, or the error; `None` for a node that is not simulated.
    fn node_id(&self, host: &str) -> Option<Result<String, String>>;
}

/// The network environment of one node.
pub(super) struct Neighbours {
    pub(super) host: String,
    pub(super) answers: Weak<dyn Answers>,
}

impl World for Neighbours {
    fn rpc(&self, address: &str, path: &str) -> Answer<Value> {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let host = if host == "localhost" { &self.host } else { host };
        let known = self.answers.upgrade().and_then(|answers| answers.node_id(host));
        let id = match known {
            Some(answer) => answer,
            None if host.ends_with(CLUSTER) => Err(format!("no such host: {host}")),
            None => Ok(OUTSIDE.to_owned()),
        };
        let is_block = path.starts_with("/block");
        Box::pin(async move {
            let id = id?;
            Ok(if is_block {
                json!({ "block_id": { "hash": "0".repeat(64) } })
            } else {
                json!({
                    "node_info": { "id": id },
                    "sync_info": { "latest_block_height": HEIGHT, "catching_up": false },
                })
            })
        })
    }

    fn instances(&self) -> Answer<Vec<String>> {
        Box::pin(async { Ok(vec![format!("{OUTSIDE}@ec2.example:26656")]) })
    }

    /// Its container restarts it at once, or waits for the sidecar if that is not ready.
    fn stop_seid(&self) -> Answer<()> {
        Box::pin(async { Ok(()) })
    }
}
