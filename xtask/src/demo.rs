//! The main job, live: a plain node, a TLS node and a group of nodes from nothing to Running and to their end, by the
//! released program against a real API server. Exit code 0 only when every step was seen.

mod group;
mod show;
mod steps;

use std::{path::PathBuf, time::Instant};

use anyhow::{Context, bail};
use sei_controller::rbac;
use sei_testkit::{
    cluster::{Cluster, OPERATOR},
    operator::Operator,
};

use crate::{
    fleet::{self, Fleet},
    tools,
};

/// One operator without metrics and health ports.
const ALONE: &[&str] = &["--leader-elect=false", "--metrics-bind-address=0", "--health-probe-bind-address=0"];

/// Arguments of the chore.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Leave everything up at the end, until Ctrl-C, and print a kubeconfig to use with kubectl.
    #[arg(long)]
    keep: bool,
    /// Kill the operator with SIGKILL and start it again every so many seconds, all the way through.
    #[arg(long, value_name = "SECONDS")]
    kill_every: Option<f64>,
    /// Start this number of nodes instead, every other one with TLS, and a Prometheus that evaluates the alerts, and leave
    /// everything up until Ctrl-C: to try the runbooks.
    #[arg(long, value_name = "COUNT", conflicts_with_all = ["keep", "kill_every"])]
    nodes: Option<usize>,
}

/// Builds what is missing, then shows.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    match args.nodes {
        Some(count) => runtime.block_on(keep_fleet(count)),
        None => {
            let (assets, binary) = (tools::CONTROL_PLANE.ensure()?, fleet::build_operator()?);
            runtime.block_on(show(args, assets, binary))
        }
    }
}

async fn show(args: &Args, assets: PathBuf, binary: PathBuf) -> anyhow::Result<()> {
    let began = Instant::now();
    show::title("starting etcd, kube-apiserver, kube-controller-manager and the operator");
    let cluster = Cluster::start(&assets, rbac::all_rules(OPERATOR)).await?;
    let mut operator = Operator::start(&cluster, &binary, ALONE)?;
    let outcome = {
        let steps = async {
            steps::all(&cluster).await?;
            group::all(&cluster).await
        };
        tokio::pin!(steps);
        loop {
            let kill = async {
                match args.kill_every {
                    Some(seconds) => tokio::time::sleep(std::time::Duration::from_secs_f64(seconds)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                ended = &mut steps => break ended,
                () = kill => {
                    operator.kill()?;
                    show::line("operator", "killed, started again");
                    operator = Operator::start(&cluster, &binary, ALONE)?;
                }
                _ = tokio::signal::ctrl_c() => bail!("interrupted"),
            }
        }
    };
    if let Err(error) = outcome {
        let log = operator.log();
        let lines: Vec<_> = log.lines().collect();
        eprintln!("end of the operator's log:\n{}", lines[lines.len().saturating_sub(20)..].join("\n"));
        return Err(error);
    }
    if args.keep {
        steps::create_both(&cluster).await?;
        group::create(&cluster).await?;
        show::title("the two nodes and the group are recreated; everything keeps running until Ctrl-C");
        println!("  export KUBECONFIG={}", cluster.plane.kubeconfig().display());
        println!("  {} get seinodes --all-namespaces --watch", cluster.plane.kubectl().display());
        tokio::signal::ctrl_c().await.context("wait for Ctrl-C")?;
    }
    println!("\nevery step was seen, in {:.0} s", began.elapsed().as_secs_f64());
    Ok(())
}

/// Starts a fleet, and leaves it up until Ctrl-C.
async fn keep_fleet(count: usize) -> anyhow::Result<()> {
    let fleet = Fleet::start().await?;
    fleet.prometheus.ready().await?;
    println!("{count} SeiNodes are being created…");
    tokio::select! {
        created = fleet.create(count) => created?,
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
    }
    show::title(&format!("{count} SeiNodes are Ready; everything keeps running until Ctrl-C"));
    let folder = |path: PathBuf| path.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
    println!("  export KUBECONFIG={}", fleet.cluster.plane.kubeconfig().display());
    println!(
        "  export PATH={}:{}:$PATH",
        folder(fleet.binary.clone()),
        folder(fleet.cluster.plane.kubectl())
    );
    println!("  alerts: {}/alerts", fleet.prometheus.url());
    tokio::signal::ctrl_c().await.context("wait for Ctrl-C")
}
