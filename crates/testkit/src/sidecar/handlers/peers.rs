//! Peers and their RPC: discovery, and the trusted block of state sync.

use serde::Deserialize;
use serde_json::Value;

use super::{Handlers, failed};
use crate::sidecar::{Failure, Generation, Outcome};

const RPC: u16 = 26657;
const P2P: u16 = 26656;
/// Distance of the trusted block from the latest one.
const BEHIND: u64 = 2000;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Discover {
    sources: Vec<Source>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Source {
    #[serde(rename = "type")]
    type_: String,
    addresses: Vec<String>,
    endpoints: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct StateSync {
    use_local_snapshot: bool,
    trust_period: String,
    backfill_blocks: i64,
    rpc_servers: Vec<String>,
}

impl Handlers {
    /// Configures the peers found by all sources. A source that finds none is an error.
    pub(super) async fn discover_peers(&self, params: Discover) -> Outcome {
        if params.sources.is_empty() {
            return Err(failed("missing required param 'sources'"));
        }
        let mut found: Vec<String> = Vec::new();
        for (index, source) in params.sources.into_iter().enumerate() {
            for peer in self.source(index, source).await? {
                if !found.contains(&peer) {
                    found.push(peer);
                }
            }
        }
        self.set_section("p2p", vec![("persistent-peers", found.join(",").into())])
    }

    async fn source(&self, index: usize, source: Source) -> Result<Vec<String>, Failure> {
        let fail = |error: &str| failed(format!("source[{index}]: {error}"));
        match source.type_.as_str() {
            "static" if source.addresses.is_empty() => Err(fail("static source has empty addresses")),
            "static" => Ok(source.addresses),
            "dnsEndpoints" if source.endpoints.is_empty() => {
                Err(fail("dnsEndpoints source has empty endpoints"))
            }
            "dnsEndpoints" => {
                let mut peers = Vec::new();
                for host in &source.endpoints {
                    let status = self.world.rpc(&format!("{host}:{RPC}"), "/status").await;
                    let id =
                        status.ok().and_then(|status| Some(status["node_info"]["id"].as_str()?.to_owned()));
                    peers.extend(id.map(|id| format!("{id}@{host}:{P2P}")));
                }
                if peers.is_empty() {
                    let tried = source.endpoints.len();
                    let error =
                        format!("no reachable peers found via dnsEndpoints ({tried} endpoints tried)");
                    return Err(failed(error));
                }
                Ok(peers)
            }
            "ec2Tags" => self.world.instances().await.map_err(|error| fail(&error)),
            other => Err(fail(&format!("unknown source type {other:?}"))),
        }
    }

    /// Configures state sync with a trusted block that the witnesses agree on.
    pub(super) async fn configure_state_sync(&self, params: StateSync) -> Outcome {
        let given = self.generation >= Generation::V55 && !params.rpc_servers.is_empty();
        let witnesses = if given { params.rpc_servers } else { self.first_peers()? };
        let mut latest = None;
        let mut answering = Vec::new();
        for witness in &witnesses {
            match self.height(witness).await {
                Ok(height) => {
                    latest = latest.or(Some(height));
                    answering.push(witness.clone());
                }
                Err(error) if self.generation < Generation::V55 => {
                    return Err(failed(format!("querying latest height: {error}")));
                }
                Err(_) => {}
            }
            if self.generation < Generation::V55 {
                // Only the first is queried, and all are written.
                answering.clone_from(&witnesses);
                break;
            }
        }
        let (Some(latest), Some(first)) = (latest, answering.first().cloned()) else {
            return Err(failed(format!("no reachable RPC witness among [{}]", witnesses.join(" "))));
        };
        if self.generation >= Generation::V55 && answering.len() == 1 {
            answering.push(first.clone());
        }
        let local = self.home.snapshots().last().copied().filter(|_| params.use_local_snapshot);
        let height = local.unwrap_or_else(|| latest.saturating_sub(BEHIND).max(1));
        let block = self.world.rpc(&first, &format!("/block?height={height}")).await;
        let block = block.map_err(|error| failed(format!("querying block hash: {error}")))?;
        let hash = block["block_id"]["hash"].as_str().filter(|hash| !hash.is_empty());
        let hash = hash.ok_or_else(|| failed(format!("empty block hash at height {height}")))?;
        self.set_section(
            "statesync",
            vec![
                ("enable", true.into()),
                ("use-local-snapshot", params.use_local_snapshot.into()),
                ("rpc-servers", answering.join(",").into()),
                ("trust-height", height.to_string().into()),
                ("trust-hash", hash.into()),
                ("trust-period", params.trust_period.into()),
                ("backfill-blocks", params.backfill_blocks.into()),
            ],
        )
    }

    /// RPC addresses of the first two configured peers.
    fn first_peers(&self) -> Result<Vec<String>, Failure> {
        let peers = self.peers()?;
        let hosts = peers.iter().filter_map(|peer| Some(peer.split_once('@')?.1.rsplit_once(':')?.0));
        let witnesses: Vec<String> = hosts.take(2).map(|host| format!("{host}:{RPC}")).collect();
        if witnesses.is_empty() {
            return Err(failed("no peers available"));
        }
        Ok(witnesses)
    }

    /// Latest height of a seid.
    pub(super) async fn height(&self, address: &str) -> Result<u64, String> {
        let status = self.world.rpc(address, "/status").await?;
        height_of(&status).ok_or_else(|| format!("{address} reports no height"))
    }
}

/// Latest height in a response of `/status`.
pub(super) fn height_of(status: &Value) -> Option<u64> {
    status["sync_info"]["latest_block_height"].as_str()?.parse().ok()
}
