//! Stand-in for `seictl serve`: the sidecar of one node, as a process. It responds like the real one of its
//! release, keeps its records in the node's home, and writes the same files for seid. `SEICTL_RELEASE`
//! selects the release. One difference: at SIGTERM, releases before v0.0.61 record some cancelled tasks as
//! failed, and this one leaves all of them running.
//!
//! Every request is logged as a line of JSON on standard output, with its user and its content.
#![allow(clippy::print_stdout, reason = "its log is on standard output, for kubectl logs")]

mod machine;
mod store;
mod work;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use anyhow::Context;
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{Response, header},
};
use clap::Parser;
use machine::Machine;
use sei_stand_ins::Ending;
use sei_testkit::sidecar::{Authn, Generation, Handlers, Home, Sidecar, answer};
use serde_json::json;
use tokio::net::TcpListener;
use work::Disk;

#[derive(Parser)]
#[command(name = "seictl")]
enum Cli {
    /// Serves the API of the node's sidecar. Settings come from the environment.
    Serve,
}

/// Settings, from the environment.
struct Settings {
    handlers: Handlers,
    port: u16,
    authn: Authn,
}

impl Settings {
    fn read() -> anyhow::Result<Self> {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let required = |name: &str| set(name).with_context(|| format!("{name} is not set"));
        let generation = set("SEICTL_RELEASE").map_or(Ok(Generation::NEWEST), |release| release.parse())?;
        let chain = required("SEI_CHAIN_ID")?;
        let genesis = store::open(&required("SEI_GENESIS_BUCKET")?, &required("SEI_GENESIS_REGION")?)?;
        let snapshots = store::open(&required("SEI_SNAPSHOT_BUCKET")?, &required("SEI_SNAPSHOT_REGION")?)?;
        let home = set("SEI_HOME").unwrap_or_else(|| "/sei".to_owned());
        let port = set("SEI_SIDECAR_PORT").unwrap_or_else(|| "7777".to_owned());
        let authn = set("SEI_SIDECAR_AUTHN_MODE").unwrap_or_default();
        Ok(Self {
            handlers: Handlers {
                generation,
                home: Home::new(home.into()),
                chain,
                snapshots,
                genesis,
                world: Arc::new(Machine),
                keyring: generation >= Generation::V50 && set("SEI_KEYRING_BACKEND").is_some(),
            },
            port: port.parse().with_context(|| format!("SEI_SIDECAR_PORT is {port:?}"))?,
            authn: Authn::of_variable(&authn, generation).with_context(|| {
                format!("SEI_SIDECAR_AUTHN_MODE is {authn:?}: unauthenticated or trusted-header")
            })?,
        })
    }

    /// Address to listen on: only loopback if a proxy authenticates clients.
    fn address(&self) -> SocketAddr {
        let ip = match self.authn {
            Authn::Open => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            Authn::TrustedHeader => IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        SocketAddr::new(ip, self.port)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let Cli::Serve = Cli::parse();
    let settings = Settings::read()?;
    let address = settings.address();
    let release = settings.handlers.generation.to_string();
    settings.handlers.prepare()?;
    let disk = Disk(settings.handlers);
    let records = disk.records()?;
    println!(
        "{}",
        json!({ "msg": "started", "address": address, "records": records.len(), "release": release })
    );
    let sidecar = Sidecar::new(disk, records);
    sidecar.start();
    let app = Router::new().fallback(serve).with_state(Arc::new((sidecar, settings.authn)));
    let listener = TcpListener::bind(address).await.with_context(|| format!("listen on {address}"))?;
    let mut ending = Ending::new()?;
    tokio::select! {
        served = axum::serve(listener, app) => served.context("serve"),
        // Running tasks remain so in their records, and run again at the next start.
        _ = ending.signalled() => Ok(()),
    }
}

async fn serve(State(state): State<Arc<(Sidecar, Authn)>>, request: Request) -> Response<Body> {
    let users: Vec<_> = request.headers().get_all("x-remote-user").iter().collect();
    let mut line = json!({
        "msg": "request",
        "method": request.method().as_str(),
        "path": request.uri().path(),
        "users": users.iter().map(|user| String::from_utf8_lossy(user.as_bytes())).collect::<Vec<_>>(),
        "authorization": request.headers().contains_key(header::AUTHORIZATION),
    });
    let answer = answer(&state.0, state.1, request).await;
    line["status"] = answer.status().as_u16().into();
    println!("{line}");
    answer
}
