//! Stand-in for seid: initializes a home, counts blocks in it, and serves the ports that probes, peers and
//! sidecars use. Like the real one it panics at an upgrade for which it has no handler, and before one for which it has.

use std::{
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, bail};
use axum::{Json, Router, routing::get};
use clap::Parser;
use jiff::Timestamp;
use sei_stand_ins::{Ending, listen};
use sei_testkit::sidecar::{Home, Upgrade, node_key};
use serde_json::{Value, json};

const GENESIS: &str = "config/genesis.json";
/// File with the height of the chain.
const HEIGHT: &str = "data/height";
/// File with the upgrade that the chain has decided: name and height, as JSON.
const UPGRADE: &str = "data/upgrade.json";
/// The version of this binary, and the name of the upgrade that it has a handler for.
const VERSION: &str = "SEID_VERSION";
/// Exit code of a Go program that panics.
const PANIC: u8 = 2;
const BLOCK: Duration = Duration::from_millis(500);
/// Duration and number of steps of the replay up to the halt height.
const REPLAY: Duration = Duration::from_millis(100);
const REPLAY_STEPS: u64 = 10;

#[derive(Parser)]
#[command(name = "seid")]
enum Cli {
    /// Initializes a home.
    Init {
        moniker: String,
        #[arg(long)]
        chain_id: String,
        #[arg(long)]
        home: PathBuf,
        #[arg(long)]
        overwrite: bool,
    },
    /// Runs the node.
    Start(Start),
}

#[derive(clap::Args)]
struct Start {
    #[arg(long)]
    home: PathBuf,
    /// Interrupts itself at this height; 0 means never.
    #[arg(long, default_value_t = 0)]
    halt_height: u64,
    #[arg(long = "rpc.laddr", default_value = "tcp://0.0.0.0:26657")]
    rpc: String,
    #[arg(long = "p2p.laddr", default_value = "tcp://0.0.0.0:26656")]
    p2p: String,
    #[arg(long = "grpc.address", default_value = "0.0.0.0:9090")]
    grpc: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<ExitCode> {
    match Cli::parse() {
        Cli::Init { moniker, chain_id, home, overwrite } => {
            init(&Home::new(home), &moniker, &chain_id, overwrite).map(|()| ExitCode::SUCCESS)
        }
        Cli::Start(arguments) => start(&arguments).await,
    }
}

fn init(home: &Home, moniker: &str, chain_id: &str, overwrite: bool) -> anyhow::Result<()> {
    if home.has(GENESIS) && !overwrite {
        bail!("genesis.json file already exists: {}", home.folder().join(GENESIS).display());
    }
    let key = json!({ "address": "", "priv_key": node_key::generate()["priv_key"] });
    for (file, text) in [
        (GENESIS, json!({ "chain_id": chain_id }).to_string()),
        ("config/config.toml", format!("moniker = \"{moniker}\"\n")),
        ("config/app.toml", String::new()),
        (node_key::FILE, node_key::generate().to_string()),
        ("config/priv_validator_key.json", key.to_string()),
        ("data/priv_validator_state.json", json!({ "height": "0", "round": 0, "step": 0 }).to_string()),
    ] {
        home.write(file, text)?;
    }
    Ok(())
}

async fn start(arguments: &Start) -> anyhow::Result<ExitCode> {
    let home = &Home::new(arguments.home.clone());
    let genesis = home.read(GENESIS)?.context("genesis.json not found")?;
    let genesis: Value = serde_json::from_str(&genesis).context("genesis.json is not JSON")?;
    let chain = genesis["chain_id"].as_str().context("genesis.json has no chain_id")?.to_owned();
    let id = node_key::id(home)?;
    // It continues from the existing data.
    let height = home.read(HEIGHT)?.unwrap_or_default().trim().parse().unwrap_or(0);
    let height = Arc::new(AtomicU64::new(height));
    // The block at which it halted before is replayed before it serves anything.
    if let Some(panic) = panic_at(home, height.load(Ordering::Relaxed) + 1)? {
        return Ok(panic);
    }
    serve(arguments, &chain, &id, &height).await?;

    let mut ending = Ending::new()?;
    let halt = (arguments.halt_height > 0).then_some(arguments.halt_height);
    let block = if halt.is_some() { REPLAY } else { BLOCK };
    let first = height.load(Ordering::Relaxed);
    let step = halt.map_or(1, |halt| (halt.saturating_sub(first) / REPLAY_STEPS).max(1));
    loop {
        tokio::select! {
            // Exit status of a process that is ended by a signal.
            number = ending.signalled() => return Ok(ExitCode::from(128 + number)),
            () = tokio::time::sleep(block) => {}
        }
        let next = height.load(Ordering::Relaxed) + step;
        let next = halt.map_or(next, |halt| next.min(halt));
        if let Some(panic) = panic_at(home, next)? {
            return Ok(panic);
        }
        home.write(HEIGHT, next.to_string())?;
        height.store(next, Ordering::Relaxed);
        if halt.is_some_and(|halt| next >= halt) {
            // It sends SIGINT to itself.
            return Ok(ExitCode::from(130));
        }
    }
}

/// The exit code of a binary that cannot execute this block.
fn panic_at(home: &Home, block: u64) -> anyhow::Result<Option<ExitCode>> {
    // The file may be half written.
    let Some(plan) = home.read(UPGRADE)?.filter(|text| text.ends_with('\n')) else { return Ok(None) };
    let upgrade: Upgrade = serde_json::from_str(&plan).context("failed to parse the upgrade")?;
    let executed = upgrade.execute(&std::env::var(VERSION).unwrap_or_default(), block);
    Ok(executed.err().map(|message| {
        eprintln!("panic: {message}");
        ExitCode::from(PANIC)
    }))
}

async fn serve(arguments: &Start, chain: &str, id: &str, height: &Arc<AtomicU64>) -> anyhow::Result<()> {
    let node_info = json!({
        "id": id,
        "network": chain,
        "version": std::env::var(VERSION).unwrap_or_default(),
    });
    let (status, lag) = (Arc::clone(height), Arc::clone(height));
    let app = Router::new()
        .route(
            "/status",
            get(async move || {
                let height = status.load(Ordering::Relaxed).to_string();
                Json(json!({
                    "node_info": node_info,
                    "sync_info": {
                        "latest_block_height": height,
                        "latest_block_time": Timestamp::now().to_string(),
                        "catching_up": false,
                    },
                }))
            }),
        )
        .route("/net_info", get(async || Json(json!({ "n_peers": "0" }))))
        .route("/block", get(async || Json(json!({ "block_id": { "hash": "0".repeat(64) } }))))
        .route(
            "/lag_status",
            get(async move || {
                let height = lag.load(Ordering::Relaxed).to_string();
                Json(json!({ "current_height": height, "max_peer_block_height": height, "lag": "0" }))
            }),
        );
    let rpc = listen(arguments.rpc.trim_start_matches("tcp://")).await?;
    tokio::spawn(async move { axum::serve(rpc, app).await });
    // Connections are accepted, but nothing is sent.
    for address in [arguments.p2p.trim_start_matches("tcp://"), &arguments.grpc] {
        let listener = listen(address).await?;
        tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    }
    Ok(())
}
