//! Builds the parts of the end-to-end cluster, starts it, and runs its scenarios.

use std::{path::PathBuf, time::Instant};

use anyhow::{Context, bail, ensure};
use sei_e2e_cluster::{Cluster, Parts};
use tokio::signal::unix::{SignalKind, signal};

use crate::{cargo, image, target, tools, workspace};

/// Arguments of the command.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Directory of the cluster, on a disk file system [default: .cache/e2e of the checkout].
    #[arg(long, global = true, value_name = "FOLDER")]
    state: Option<PathBuf>,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Start a cluster, run the scenarios, stop it: the default. Uses a running cluster.
    Run(RunArgs),
    /// Start a cluster and leave it running.
    Up,
    /// Stop the cluster, or remove what a killed run left of one.
    Down,
    /// Run a command in the cluster's network as its administrator, or a shell.
    Shell {
        /// The command.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// Run the node, in separate namespaces that already exist.
    #[command(hide = true)]
    Node,
}

#[derive(clap::Args, Default)]
struct RunArgs {
    /// Run only the scenarios with these names.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    only: Vec<String>,
    /// Leave the cluster running at the end.
    #[arg(long)]
    keep: bool,
}

/// Runs the subcommand.
pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let state = match args.state {
        Some(state) => std::path::absolute(state).context("the cluster's directory")?,
        None => workspace()?.join(".cache").join("e2e"),
    };
    let cluster = Cluster::new(state);
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    match args.action.unwrap_or_else(|| Action::Run(RunArgs::default())) {
        Action::Run(args) => runtime.block_on(scenarios(&cluster, &args)),
        Action::Up => {
            ensure!(
                !cluster.is_up(),
                "a cluster is running: use it with `cargo xtask e2e shell`, or stop it with `cargo xtask e2e down`"
            );
            runtime.block_on(up(&cluster))?;
            println!("use it: cargo xtask e2e shell; stop it: cargo xtask e2e down");
            Ok(())
        }
        Action::Down => cluster.end(),
        Action::Shell { command } => shell(&cluster, &command),
        Action::Node => runtime.block_on(sei_e2e_cluster::run(cluster.folder())),
    }
}

async fn scenarios(cluster: &Cluster, args: &RunArgs) -> anyhow::Result<()> {
    sei_e2e_cluster::check(cluster.folder())?;
    // With --bin instead of --package: the dependencies are then the ones that the tests were built with.
    if !cargo(&["build", "--locked", "--quiet", "--bin", "sei-e2e"]).status()?.success() {
        bail!("the scenarios do not build: the compiler's output is above");
    }
    let started_here = !cluster.is_up();
    let all = async {
        if started_here {
            up(cluster).await?;
        }
        run_scenarios(cluster, args).await
    };
    let outcome = tokio::select! {
        outcome = all => outcome,
        outcome = interrupted() => outcome,
    };
    if started_here && !args.keep {
        let began = Instant::now();
        cluster.end().context("stop the cluster")?;
        eprintln!(
            "cluster stopped in {:.1} s; its logs: {}",
            began.elapsed().as_secs_f64(),
            cluster.logs().display()
        );
    }
    outcome
}

async fn run_scenarios(cluster: &Cluster, args: &RunArgs) -> anyhow::Result<()> {
    let program = target()?.join("debug").join("sei-e2e");
    let mut command = tokio::process::Command::from(cluster.command(&program)?);
    command.args(args.only.iter().flat_map(|name| ["--only", name])).current_dir(workspace()?);
    let status = command.kill_on_drop(true).status().await.context("run the scenarios")?;
    if !status.success() {
        bail!("not every scenario passed: {status}");
    }
    Ok(())
}

async fn up(cluster: &Cluster) -> anyhow::Result<()> {
    sei_e2e_cluster::check(cluster.folder())?;
    let archives = workspace()?.join(".cache").join("images");
    let node = std::env::current_exe().context("find this program")?.into_os_string();
    let parts = Parts {
        node: [node].into_iter().chain(["e2e", "node", "--state"].map(Into::into)).collect(),
        programs: vec![
            tools::KUBERNETES.ensure()?,
            tools::COREDNS.ensure()?,
            tools::CERT_MANAGER.ensure()?,
            tools::HELM.ensure()?,
        ],
        images: image::write_all(&archives)?,
        operator: image::operator_path(&image::operator_profile())?,
        archives,
        crds: tools::CERT_MANAGER.source()?.join("deploy/crds"),
    };
    let began = Instant::now();
    if let Err(error) = cluster.start(&parts).await {
        cluster.end().context("stop what was started")?;
        return Err(
            error.context(format!("the cluster did not start; its logs: {}", cluster.logs().display()))
        );
    }
    eprintln!("cluster up in {:.1} s", began.elapsed().as_secs_f64());
    Ok(())
}

fn shell(cluster: &Cluster, command: &[String]) -> anyhow::Result<()> {
    let interactive = [std::env::var("SHELL").unwrap_or_else(|_| "/bin/sh".to_owned())];
    let words = if command.is_empty() { &interactive[..] } else { command };
    let (program, arguments) = words.split_first().context("a command has a first word")?;
    let status =
        cluster.command(program)?.args(arguments).status().with_context(|| format!("run {program}"))?;
    std::process::exit(status.code().unwrap_or(1))
}

/// Waits for Ctrl-C or SIGTERM.
async fn interrupted() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    bail!("interrupted")
}
