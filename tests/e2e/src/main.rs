//! Runs scenarios one after the other on the cluster that `cargo xtask e2e` started, and reports what was seen.
//! Exit code 0 only when every one passed.
#![allow(clippy::print_stdout, reason = "a command-line tool talks to its terminal")]

mod audit;
mod docs;
mod images;
mod nodes;
mod processes;
mod report;
mod scenarios;
mod world;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::Parser;

use report::Report;
use scenarios::{SCENARIOS, Scenario};
use world::World;

#[derive(Parser)]
#[command(about = "Scenarios on a real cluster")]
struct Args {
    /// Run only the scenarios of these names.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// The cluster's folder.
    #[arg(long, default_value = "/run/e2e", value_name = "FOLDER")]
    state: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> anyhow::Result<()> {
    let chosen = choose(&args.only)?;
    let mut report = Report::default();
    for scenario in chosen {
        let world = World::new(&args.state).await?;
        report.begin(scenario);
        let outcome = (scenario.run)(&world).await;
        if outcome.is_err() {
            world.show().await;
        }
        report.end(outcome);
    }
    report.close()
}

/// The scenarios of these names, or all.
fn choose(names: &[String]) -> anyhow::Result<Vec<&'static Scenario>> {
    if names.is_empty() {
        return Ok(SCENARIOS.iter().collect());
    }
    let find = |name: &String| SCENARIOS.iter().find(|scenario| scenario.name == name);
    let known = || SCENARIOS.iter().map(|scenario| scenario.name).collect::<Vec<_>>().join(", ");
    let chosen = names
        .iter()
        .map(|name| find(name).with_context(|| format!("no scenario {name}; there are: {}", known())));
    chosen.collect()
}
