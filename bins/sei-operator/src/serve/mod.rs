//! `run`: the operator's process. Settings are checked first, all errors at once; then endpoints, the lease, and
//! the controller until a signal.

mod endpoints;
mod gate;
mod lease;
mod metrics;
mod shutdown;

use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context, bail};
use kube::{
    Client, Config,
    client::ClientBuilder,
    config::{KubeConfigOptions, Kubeconfig},
};
use prometheus_client::registry::Registry;
use sei_controller::{Metrics, Options};
use tokio::sync::watch;

use gate::Gate;

use crate::{
    cli::{LogFormat, RunArgs, SecretAccess},
    input::{self, bad},
};

pub(crate) fn run(args: RunArgs) -> anyhow::Result<ExitCode> {
    log(&args)?;
    let platform = input::platform()?;
    let gate = Gate::default();
    let options = Options {
        genesis_bucket: input::genesis_bucket(&platform)?,
        platform,
        namespaces: args.watch_namespaces.clone(),
        secret_access: match args.secret_access {
            SecretAccess::Watch => sei_controller::SecretAccess::Watch,
            SecretAccess::Named => sei_controller::SecretAccess::Named,
        },
        workers: args.workers,
        connect_to: args.sidecar_connect_to.clone(),
        token_file: args.sidecar_token_file.clone(),
        gate: Arc::new(gate.clone()),
    };
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        bail!("a TLS provider was installed before the operator could choose its own");
    }
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    runtime.block_on(serve(args, options, gate))?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(args: RunArgs, options: Options, gate: Gate) -> anyhow::Result<()> {
    let mut registry = Registry::default();
    let process = metrics::Process::register(&mut registry);
    let metrics = Arc::new(Metrics::register(&mut registry));
    let config = config(&args).await?;
    let client = client(&config, &gate, &process)?;
    let ready = Arc::new(AtomicBool::new(false));
    let (stop, stopped) = watch::channel(false);
    endpoints::serve(
        args.metrics_bind_address,
        args.health_probe_bind_address,
        Arc::new(registry),
        Arc::clone(&ready),
    )
    .await?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        looks_into_genesis_bucket = options.genesis_bucket.is_some(),
        "sei-operator starts"
    );
    tokio::spawn(async move {
        shutdown::signalled().await;
        tracing::info!("asked to stop: finishing what is under way");
        // Nobody waits any more: the process is ending already.
        let _ = stop.send(true);
    });

    let mut lease = None;
    if args.leader_elect {
        // Asked for and given back whatever the gate says, on a connection that nothing else can block.
        let leases = self::client(&config, &Gate::default(), &process)?;
        let namespace = args.leader_election_namespace.unwrap_or(config.default_namespace);
        process.leads(false);
        // A replica that waits is healthy and has nothing to fill.
        ready.store(true, Ordering::Release);
        let Some(held) = lease::acquire(leases, &namespace, gate, stopped.clone()).await? else {
            return Ok(());
        };
        ready.store(false, Ordering::Release);
        lease = Some(held);
    }
    process.leads(true);
    let is_ready = Arc::clone(&ready);
    let controller = sei_controller::run(
        client,
        options,
        metrics,
        move || {
            tracing::info!("caches are filled");
            is_ready.store(true, Ordering::Release);
        },
        shutdown::told(stopped),
    );
    match lease {
        None => controller.await.context("run the controller"),
        Some(mut lease) => {
            let outcome = tokio::select! {
                outcome = controller => outcome.context("run the controller"),
                lost = lease.lost() => return Err(lost.context("the lease was lost: another replica may work, so this one ends")),
            };
            lease.release().await;
            outcome
        }
    }
}

/// How to reach the cluster.
async fn config(args: &RunArgs) -> anyhow::Result<Config> {
    let Some(path) = &args.kubeconfig else {
        return Config::infer().await.context("find the cluster: give --kubeconfig, or run inside one");
    };
    let kubeconfig = Kubeconfig::read_from(path).map_err(|error| bad(format!("--kubeconfig: {error}")))?;
    Ok(Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?)
}

/// A client that writes while `gate` is open.
fn client(config: &Config, gate: &Gate, process: &metrics::Process) -> anyhow::Result<Client> {
    let client = ClientBuilder::try_from(config.clone()).context("make a client of the cluster")?;
    Ok(client.with_layer(gate).with_layer(process).build())
}

fn log(args: &RunArgs) -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_new(&args.log_level)
        .map_err(|error| bad(format!("--log-level: {error}")))?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match args.log_format {
        LogFormat::Json => logs.json().flatten_event(true).init(),
        LogFormat::Text => logs.init(),
    }
    Ok(())
}
