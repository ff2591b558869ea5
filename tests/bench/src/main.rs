//! What an operator of SeiNodes costs: time, requests, CPU and memory, measured from outside. The operator is
//! a black box: requests are counted in the audit log of a real API server, CPU and memory are read from the
//! kernel, and its results are read from the SeiNodes. `cargo xtask bench` builds what is needed and runs
//! this.
#![allow(clippy::print_stdout, reason = "a command-line tool prints its results")]

mod audit;
mod bed;
mod fleet;
mod names;
mod operator;
mod plot;
mod process;
mod report;
mod stages;
mod tracker;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use clap::Parser;

use self::{
    bed::Bed,
    fleet::{Fleet, Kind},
    operator::Candidate,
    report::{Report, Run},
    stages::Stage,
};

#[derive(Parser)]
#[command(name = "cargo xtask bench", about = "Measures what an operator of SeiNodes costs")]
struct Args {
    /// The program sei-operator.
    #[arg(long, value_name = "FILE", conflicts_with = "operator")]
    binary: Option<PathBuf>,
    /// Another operator: a shell command, run with KUBECONFIG and the SEI_* settings in its environment, and
    /// with host names of sidecars that resolve to the simulator. Needs unshare, and the right to create a
    /// mount namespace.
    #[arg(long, value_name = "COMMAND")]
    operator: Option<String>,
    /// Numbers of nodes, each measured on a new cluster.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 50, 300, 1000])]
    nodes: Vec<usize>,
    /// Kinds of nodes.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Kind::Mixed])]
    kinds: Vec<Kind>,
    /// Run only these stages; the nodes are always created first.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Stage>,
    /// Seconds of idle time to measure.
    #[arg(long, default_value_t = 60)]
    rest: u64,
    /// Seconds without a write after which the operator counts as quiet.
    #[arg(long, default_value_t = 5)]
    quiet: u64,
    /// Number of unrelated Secrets of 10 KiB that stage `foreign-secrets` creates, of each type.
    #[arg(long, default_value_t = 10_000)]
    foreign_secrets: usize,
    /// Nodes with a hung sidecar in stage `hung`.
    #[arg(long, default_value_t = 32)]
    hung: usize,
    /// Label of these results.
    #[arg(long, default_value = "sei-operator")]
    label: String,
    /// Earlier results to compare with.
    #[arg(long, value_name = "FILE")]
    against: Vec<PathBuf>,
    /// Directory for results.json, results.md and plots.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let candidate = match (&args.binary, &args.operator) {
        (Some(binary), _) => Candidate::Ours(std::path::absolute(binary)?),
        (None, Some(command)) => Candidate::Command(command.clone()),
        (None, None) => anyhow::bail!("give --binary or --operator"),
    };
    let began = Instant::now();
    let against = args.against.iter().map(|file| Report::read(file)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut report = Report::new(args.label.clone(), candidate.size());
    for kind in &args.kinds {
        for count in &args.nodes {
            let run = measure(&args, &candidate, *kind, *count).await;
            report.runs.push(run.with_context(|| format!("{count} {} nodes", kind.as_str()))?);
            // Results are not lost if a later run fails.
            write(&args.out, &report, &against)?;
        }
    }
    println!("{}", report::table(&report, &against));
    println!(
        "measured in {:.0} s; results and plots are in {}",
        began.elapsed().as_secs_f64(),
        args.out.display()
    );
    Ok(())
}

fn write(out: &Path, report: &Report, against: &[Report]) -> anyhow::Result<()> {
    std::fs::create_dir_all(out).with_context(|| format!("create {}", out.display()))?;
    report.write(&out.join("results.json"))?;
    std::fs::write(out.join("results.md"), report::table(report, against)).context("write results.md")?;
    plot::write(out, report, against)
}

/// One run: a new cluster, a fleet, and the stages on it, one after the other.
async fn measure(args: &Args, candidate: &Candidate, kind: Kind, count: usize) -> anyhow::Result<Run> {
    ensure!(count > 0, "at least one node is needed");
    let fleet = Fleet::new(kind, count);
    let bed = Bed::start(candidate, Duration::from_secs(args.quiet)).await?;
    let mut run = Run::new(kind, count);
    let outcome = stages::all(args, bed, fleet, &mut run).await;
    outcome.map(|()| run)
}
