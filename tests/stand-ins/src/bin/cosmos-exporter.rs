//! Stand-in for cosmos-exporter: accepts its flags and serves an empty scrape endpoint.

use anyhow::Context;
use axum::{Router, routing::get};
use clap::Parser;
use sei_stand_ins::{Ending, listen};

/// Metrics of a Cosmos chain.
#[derive(Parser)]
#[command(name = "cosmos-exporter")]
struct Flags {
    /// Denomination of the reported amounts.
    #[arg(long)]
    denom: String,
    /// Base units in one of them.
    #[arg(long)]
    denom_coefficient: u64,
    /// Prefix of addresses.
    #[arg(long)]
    bech_prefix: String,
    /// Address of the scrape endpoint.
    #[arg(long, default_value = ":9300")]
    listen_address: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let flags = Flags::parse();
    let Flags { denom, denom_coefficient, bech_prefix, .. } = &flags;
    let metrics = format!(
        "# TYPE cosmos_exporter_info gauge\ncosmos_exporter_info{{denom=\"{denom}\",coefficient=\"{denom_coefficient}\",prefix=\"{bech_prefix}\"}} 1\n"
    );
    let app = Router::new().route("/metrics", get(async move || metrics.clone()));
    let listener = listen(&flags.listen_address).await?;
    let mut ending = Ending::new()?;
    tokio::select! {
        served = axum::serve(listener, app) => served.context("serve"),
        _ = ending.signalled() => Ok(()),
    }
}
