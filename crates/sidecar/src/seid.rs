//! The RPC of the seid in the same pod. It is not behind the proxy and never gets a token.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use crate::{Client, Error};

/// It responds immediately or is busy.
const DEADLINE: Duration = Duration::from_secs(3);

/// The RPC of one seid.
#[derive(Clone)]
pub struct Seid {
    client: Client,
}

/// The status of a seid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeidStatus {
    /// Height of its latest block.
    pub height: u64,
    /// Whether it is still catching up with the chain.
    pub catching_up: bool,
    /// Time of its latest block.
    pub latest_block: Option<Timestamp>,
    /// How many peers it is connected to.
    pub peers: Option<u64>,
}

impl Seid {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Returns the status of seid. The number of peers is missing if only that request fails.
    ///
    /// # Errors
    /// Any [`Error`]; seid responds only some seconds after it was started.
    pub async fn status(&self) -> Result<SeidStatus, Error> {
        let Status { sync_info: sync } = self.get("/status").await?;
        let peers = self.get::<NetInfo>("/net_info").await.ok();
        Ok(SeidStatus {
            height: sync.latest_block_height,
            catching_up: sync.catching_up,
            latest_block: sync.latest_block_time,
            peers: peers.map(|it| it.n_peers),
        })
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        match self.client.get(DEADLINE, path).await? {
            Reply::Enveloped { result } => Ok(result),
            Reply::Bare(reply) => Ok(reply),
        }
    }
}

/// seid responds without the JSON-RPC envelope; upstream CometBFT includes it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Reply<T> {
    Enveloped { result: T },
    Bare(T),
}

#[derive(Deserialize)]
struct Status {
    sync_info: SyncInfo,
}

#[derive(Deserialize)]
struct SyncInfo {
    #[serde(deserialize_with = "number")]
    latest_block_height: u64,
    catching_up: bool,
    #[serde(default)]
    latest_block_time: Option<Timestamp>,
}

#[derive(Deserialize)]
struct NetInfo {
    #[serde(deserialize_with = "number")]
    n_peers: u64,
}

/// Go writes 64-bit numbers as text.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_response_formats_are_decoded() {
        let sync = json!({ "sync_info": {
            "latest_block_height": "7", "latest_block_time": "2027-01-01T00:00:00.5Z", "catching_up": true,
        } });
        for reply in [sync.clone(), json!({ "jsonrpc": "2.0", "id": -1, "result": sync })] {
            let (Reply::Enveloped { result } | Reply::Bare(result)) =
                serde_json::from_value::<Reply<Status>>(reply).unwrap();
            assert_eq!((result.sync_info.latest_block_height, result.sync_info.catching_up), (7, true));
        }
    }
}
