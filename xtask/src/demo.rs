//! The main job, live: a plain node, a TLS node and a group of nodes from nothing to Running and to their end, by the
//! released program against a real API server. Exit code 0 only when every step was seen.

mod group;
mod show;
mod steps;

use std::{path::PathBuf, time::Instant};

use anyhow::{Context, bail};
use sei_controller::{SecretAccess, rbac};
use sei_testkit::{cluster::Cluster, operator::Operator};

use crate::{cargo, target, tools};

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
}

/// Builds what is missing, then shows.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let assets = tools::CONTROL_PLANE.ensure()?;
    eprintln!("building sei-operator…");
    if !cargo(&["build", "--locked", "--quiet", "--bin", "sei-operator"]).status()?.success() {
        bail!("sei-operator does not build: the compiler's output is above");
    }
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    runtime.block_on(show(args, assets))
}

async fn show(args: &Args, assets: PathBuf) -> anyhow::Result<()> {
    let began = Instant::now();
    show::title("starting etcd, kube-apiserver, kube-controller-manager and the operator");
    let mut rules = rbac::rules(SecretAccess::Watch);
    rules.extend(rbac::lease_rules(rbac::LEASE));
    rules.push(rbac::token_rule(sei_testkit::cluster::OPERATOR));
    let cluster = Cluster::start(&assets, rules).await?;
    let binary = target()?.join("debug").join("sei-operator");
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
