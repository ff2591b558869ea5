//! Runs scenarios on the cluster that `cargo xtask e2e` started, and reports the results. Exit code 0 only if
//! all of them passed.
#![allow(clippy::print_stdout, reason = "a command-line tool talks to its terminal")]

mod audit;
mod client;
mod docs;
mod exclusive;
mod groups;
mod nodes;
mod processes;
mod report;
mod scenarios;
mod world;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::Parser;
use futures::future::join_all;

use report::Report;
use scenarios::{INSTALL, STAGES, Scenario, all, is_installed};
use world::World;

#[derive(Parser)]
#[command(about = "Scenarios on a real cluster")]
struct Args {
    /// Run only the scenarios of these names.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// The cluster's directory.
    #[arg(long, default_value = sei_e2e_cluster::INSIDE, value_name = "FOLDER")]
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
    let mut chosen = choose(&args.only)?;
    let needs_operator = chosen.iter().any(|name| !["cluster", INSTALL].contains(name));
    if needs_operator && !is_installed(&World::new(&args.state).await?).await? {
        chosen.insert(INSTALL);
    }
    let report = Report::default();
    for lanes in STAGES {
        let lanes = lanes.iter().map(|lane| {
            let scenarios = lane.iter().filter(|scenario| chosen.contains(scenario.name));
            run_lane(scenarios.collect(), &args.state, &report)
        });
        join_all(lanes).await;
    }
    report.close()
}

/// Runs scenarios one after the other, even after a failure.
async fn run_lane(scenarios: Vec<&'static Scenario>, state: &Path, report: &Report) {
    for scenario in scenarios {
        let before = all().map(|scenario| scenario.name).take_while(|name| *name != scenario.name);
        let is_complete = report.has_passed(before);
        report
            .run(scenario.name, scenario.about, async {
                let world = World { is_complete, ..World::new(state).await? };
                let outcome = (scenario.run)(&world).await;
                if outcome.is_err() {
                    world.show().await;
                }
                outcome
            })
            .await;
    }
}

/// The scenarios with these names, or all.
fn choose(names: &[String]) -> anyhow::Result<BTreeSet<&'static str>> {
    let known: Vec<&'static str> = all().map(|scenario| scenario.name).collect();
    if names.is_empty() {
        return Ok(known.into_iter().collect());
    }
    let find = |name: &String| known.iter().find(|known| *known == name).copied();
    let chosen = names.iter().map(|name| {
        find(name).with_context(|| format!("no scenario {name}; there are: {}", known.join(", ")))
    });
    chosen.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_is_chosen_by_its_name() {
        let names = choose(&["plain".to_owned()]).unwrap();
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["plain"]);
        assert_eq!(choose(&[]).unwrap().len(), all().count(), "every name is its own");
        let error = choose(&["dance".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("no scenario dance") && error.contains("plain"), "{error}");
    }
}
