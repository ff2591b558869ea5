//! What simulated sidecars can reach: each other, and an outside in which everything responds.

use std::sync::Weak;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Answer, Upgrade, World};

/// Height of the simulated chains.
const HEIGHT: u64 = 100_000;
/// ID of nodes outside.
const OUTSIDE: &str = "0123456789abcdef0123456789abcdef01234567";

/// The seid of a simulated node, and its height, which changes only when a test changes it.
#[derive(Clone, Debug)]
pub struct Seid {
    /// Height of its latest block.
    pub height: u64,
    /// Whether it is still catching up.
    pub catching_up: bool,
    /// How many peers it is connected to.
    pub peers: u64,
    /// It does not respond.
    pub silent: bool,
    /// The upgrade that its chain has decided on.
    pub upgrade: Option<Upgrade>,
    /// The image that its container runs, which is the version of its binary.
    image: String,
    /// Why its process ends whenever it is started.
    panic: Option<String>,
}

impl Default for Seid {
    fn default() -> Self {
        Self {
            height: HEIGHT,
            catching_up: false,
            peers: 4,
            silent: false,
            upgrade: None,
            image: String::new(),
            panic: None,
        }
    }
}

impl Seid {
    /// Executes the blocks up to a height, or until its binary panics.
    pub fn execute(&mut self, to: u64) {
        while self.height < to && self.can_execute_next() {
            self.height += 1;
        }
    }

    /// The message with which its process ends whenever it is started.
    pub fn panic(&self) -> Option<&str> {
        self.panic.as_deref()
    }

    /// A container of this image starts. The first block shows whether it is the right one.
    pub(super) fn start(&mut self, image: &str) {
        image.clone_into(&mut self.image);
        self.can_execute_next();
    }

    fn can_execute_next(&mut self) -> bool {
        let upgrade = self.upgrade.as_ref();
        self.panic = upgrade.and_then(|upgrade| upgrade.execute(&self.image, self.height + 1).err());
        self.panic.is_none()
    }

    /// Whether it responds while it runs.
    pub(super) fn responds(&self) -> bool {
        !self.silent && self.panic.is_none()
    }

    /// The response of its RPC to `path`.
    pub(super) fn rpc(&self, id: &str, chain: &str, path: &str) -> Value {
        if path.starts_with("/block") {
            json!({ "block_id": { "hash": "0".repeat(64) } })
        } else if path == "/net_info" {
            json!({ "n_peers": self.peers.to_string() })
        } else {
            json!({
                "node_info": { "id": id, "network": chain },
                "sync_info": {
                    "latest_block_height": self.height.to_string(),
                    "latest_block_time": Timestamp::now().to_string(),
                    "catching_up": self.catching_up,
                },
            })
        }
    }
}

/// Nodes whose seid other nodes query.
pub(super) trait Answers: Send + Sync {
    /// The response of a node's seid to `path`, or why there is none; `None` for a node that is not simulated.
    fn rpc(&self, host: &str, path: &str) -> Option<Result<Value, String>>;
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
        let known = self.answers.upgrade().and_then(|answers| answers.rpc(host, path));
        let answer = match known {
            Some(answer) => answer,
            None if host.contains(".svc.") => Err(format!("no such host: {host}")),
            None => Ok(Seid::default().rpc(OUTSIDE, "", path)),
        };
        Box::pin(async { answer })
    }

    fn instances(&self) -> Answer<Vec<String>> {
        Box::pin(async { Ok(vec![format!("{OUTSIDE}@ec2.example:26656")]) })
    }

    /// Its container restarts it immediately, or waits for the sidecar if that is not ready.
    fn stop_seid(&self) -> Answer<()> {
        Box::pin(async { Ok(()) })
    }
}
