//! Stand-in for `seictl serve`: the sidecar of one node, as a process. It answers as the real one does, keeps its
//! records in the node's home, and leaves there what the real one leaves for seid. Object stores are the one thing
//! it makes up: what it would fetch is there, what it would upload is taken.
//!
//! Every request is a line of JSON on standard output: who called, and with what.
#![allow(clippy::print_stdout, reason = "its log is on standard output, for kubectl logs")]

mod config;
mod peers;
mod work;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use anyhow::{Context, bail, ensure};
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{Response, header},
};
use clap::Parser;
use sei_stand_ins::Ending;
use sei_testkit::sidecar::{Authn, Sidecar, answer};
use serde_json::json;
use tokio::net::TcpListener;
use work::Home;

/// What must be set, with any text.
const REQUIRED: &[&str] =
    &["SEI_GENESIS_BUCKET", "SEI_GENESIS_REGION", "SEI_SNAPSHOT_BUCKET", "SEI_SNAPSHOT_REGION"];

#[derive(Parser)]
#[command(name = "seictl")]
enum Cli {
    /// Serves the API of the node's sidecar. Settings come from the environment.
    Serve,
}

/// Settings, from the environment.
struct Settings {
    chain: String,
    home: PathBuf,
    port: u16,
    authn: Authn,
}

impl Settings {
    fn read() -> anyhow::Result<Self> {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let chain = set("SEI_CHAIN_ID").context("SEI_CHAIN_ID is not set")?;
        for name in REQUIRED {
            ensure!(set(name).is_some(), "{name} is not set");
        }
        let port = set("SEI_SIDECAR_PORT").unwrap_or_else(|| "7777".to_owned());
        let authn = match set("SEI_SIDECAR_AUTHN_MODE").as_deref() {
            None | Some("unauthenticated") => Authn::Open,
            Some("trusted-header") => Authn::TrustedHeader,
            Some(other) => bail!("SEI_SIDECAR_AUTHN_MODE is {other:?}: unauthenticated or trusted-header"),
        };
        Ok(Self {
            chain,
            home: set("SEI_HOME").context("SEI_HOME is not set")?.into(),
            port: port.parse().with_context(|| format!("SEI_SIDECAR_PORT is {port:?}"))?,
            authn,
        })
    }

    /// Whom it listens to: where a proxy names the caller, to nobody but that.
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
    let home = Home::new(settings.home, settings.chain);
    let records = home.records()?;
    println!("{}", json!({ "msg": "started", "address": address, "records": records.len() }));
    let sidecar = Sidecar::new(home, records);
    sidecar.start();
    let app = Router::new().fallback(serve).with_state(Arc::new((sidecar, settings.authn)));
    let listener = TcpListener::bind(address).await.with_context(|| format!("listen on {address}"))?;
    let mut ending = Ending::new()?;
    tokio::select! {
        served = axum::serve(listener, app) => served.context("serve"),
        // What runs stays so on record, and runs again at the next start.
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
