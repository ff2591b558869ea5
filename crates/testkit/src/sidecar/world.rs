//! What simulated sidecars reach: each other, and a world outside in which everything answers.

use std::sync::Weak;

use serde_json::{Value, json};

use super::{Answer, World};

/// Blocks of the simulated chains.
const HEIGHT: &str = "100000";
const CLUSTER: &str = ".svc.cluster.local";
/// Id of nodes outside.
const OUTSIDE: &str = "0123456789abcdef0123456789abcdef01234567";

/// Nodes of which others ask the id.
pub(super) trait Answers: Send + Sync {
    /// Id of a node whose seid runs, or why it does not answer; `None` for a node that is not simulated.
    fn node_id(&self, host: &str) -> Option<Result<String, String>>;
}

/// The world around one node.
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

    /// Its container starts it again at once, or waits for the sidecar if that is not ready.
    fn stop_seid(&self) -> Answer<()> {
        Box::pin(async { Ok(()) })
    }
}
