//! What other nodes are asked over their RPC.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use axum::body::{Body, to_bytes};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;

const RPC: u16 = 26657;
const P2P: u16 = 26656;
const DEADLINE: Duration = Duration::from_secs(5);
/// How far behind the latest block the trusted one lies.
const BEHIND: u64 = 2000;

/// The peers that all sources together find, as `ID@HOST:PORT`. A source that finds none is an error.
pub(crate) async fn discover(params: &Value) -> anyhow::Result<Vec<String>> {
    let sources = params["sources"].as_array().filter(|sources| !sources.is_empty());
    let mut found: Vec<String> = Vec::new();
    for source in sources.context("missing required param 'sources'")? {
        let peers = match source["type"].as_str().unwrap_or_default() {
            "static" => texts(&source["addresses"]),
            "dnsEndpoints" => answering(&texts(&source["endpoints"])).await,
            "ec2Tags" => bail!("there is no EC2 here"),
            other => bail!("unknown type {other:?}"),
        };
        ensure!(!peers.is_empty(), "no reachable peers found via {}", source["type"]);
        for peer in peers {
            if !found.contains(&peer) {
                found.push(peer);
            }
        }
    }
    Ok(found)
}

/// Those of `hosts` whose RPC tells their id.
async fn answering(hosts: &[String]) -> Vec<String> {
    let mut peers = Vec::new();
    for host in hosts {
        let status = get(host, "/status").await.unwrap_or_default();
        if let Some(id) = status["node_info"]["id"].as_str().filter(|id| !id.is_empty()) {
            peers.push(format!("{id}@{host}:{P2P}"));
        }
    }
    peers
}

/// Height to trust and servers to ask, from the first two peers.
pub(crate) async fn trust(peers: &[String]) -> anyhow::Result<(u64, String)> {
    let hosts: Vec<&str> =
        peers.iter().filter_map(|peer| Some(peer.split_once('@')?.1.rsplit_once(':')?.0)).take(2).collect();
    let first = hosts.first().context("no peers available")?;
    let latest = height(first).await.context("querying latest height")?;
    let trusted = latest.saturating_sub(BEHIND).max(1);
    let block = get(first, &format!("/block?height={trusted}")).await.context("querying block hash")?;
    ensure!(block["block_id"]["hash"].is_string(), "empty block hash at height {trusted}");
    let servers: Vec<_> = hosts.iter().map(|host| format!("{host}:{RPC}")).collect();
    Ok((trusted, servers.join(",")))
}

/// Waits for a height of the seid beside it.
pub(crate) async fn await_height(params: &Value) -> anyhow::Result<()> {
    ensure!(params["condition"] == "height", "unknown condition {}", params["condition"]);
    ensure!(params["action"].is_null(), "this stand-in signals nobody");
    let wanted = params["targetHeight"].as_u64().context("missing targetHeight")?;
    while height("localhost").await.unwrap_or(0) < wanted {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

async fn height(host: &str) -> anyhow::Result<u64> {
    let status = get(host, "/status").await?;
    let height = status["sync_info"]["latest_block_height"].as_str().context("no height in /status")?;
    height.parse().with_context(|| format!("parsing height {height:?}"))
}

async fn get(host: &str, path: &str) -> anyhow::Result<Value> {
    let uri = format!("http://{host}:{RPC}{path}").parse().context("no host")?;
    let client: Client<HttpConnector, Body> = Client::builder(TokioExecutor::new()).build_http();
    let asked = async {
        let answer = client.get(uri).await.with_context(|| format!("ask {host}"))?;
        let body = to_bytes(Body::new(answer.into_body()), 1 << 20).await.context("read the answer")?;
        serde_json::from_slice(&body).context("read the answer")
    };
    tokio::time::timeout(DEADLINE, asked).await.with_context(|| format!("{host} does not answer"))?
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
