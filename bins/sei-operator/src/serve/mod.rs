//! `run`: the operator's process. Settings are validated first, reporting all errors at once; then endpoints,
//! the lease, and the controller until a signal.

mod endpoints;
mod gate;
mod lease;
mod listener;
mod metrics;
mod readiness;
mod scrape_auth;
mod secrets;
mod shutdown;
mod telemetry;
#[cfg(not(feature = "otlp"))]
mod untraced;

use std::{process::ExitCode, sync::Arc};

use anyhow::{Context, bail};
use kube::{Client, Config, client::ClientBuilder, config::KubeConfigOptions};
use prometheus_client::registry::Registry;
use sei_controller::{Metrics, Options};
use sei_render::Platform;
use tokio::sync::watch;
use tower::util::MapRequestLayer;

use self::{gate::Gate, readiness::Readiness, scrape_auth::ScrapeAuth, telemetry::Telemetry};

use crate::{
    cli::{RunArgs, SecretAccess},
    connect::from_file,
    input,
};

pub(crate) fn run(args: RunArgs) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().context("failed to start the runtime")?;
    let telemetry = Telemetry::start(&args, &runtime)?;
    let platform = input::platform()?;
    let gate = Gate::default();
    let options = options(&args, platform, &gate)?;
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        bail!("a TLS provider was installed before the operator could choose its own");
    }
    let outcome = runtime.block_on(serve(args, options, gate));
    telemetry.end();
    // Background work, such as resolving a name, must not keep the process running.
    runtime.shutdown_background();
    outcome.map(|()| ExitCode::SUCCESS)
}

/// Settings of the controller: its requests to sidecars pass `gate`, like its writes.
fn options(args: &RunArgs, platform: Platform, gate: &Gate) -> anyhow::Result<Options> {
    Ok(Options {
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
    })
}

async fn serve(args: RunArgs, options: Options, gate: Gate) -> anyhow::Result<()> {
    let mut registry = Registry::default();
    let process = metrics::Process::register(&mut registry);
    let metrics = Arc::new(Metrics::register(&mut registry));
    let config = config(&args).await?;
    let client = client(&config, &gate, &process)?;
    // Sent regardless of the gate, on connections that no other request can block.
    let ungated = self::client(&config, &Gate::default(), &process)?;
    let readiness = Readiness::waiting("waiting for caches to sync");
    let (stop, stopped) = watch::channel(false);
    endpoints::serve(
        args.metrics_bind_address,
        args.health_probe_bind_address,
        Arc::new(registry),
        args.metrics_auth.then(|| ScrapeAuth::new(ungated.clone())),
        readiness.clone(),
    )
    .await?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        genesis_bucket_access = options.genesis_bucket.is_some(),
        "starting sei-operator"
    );
    tokio::spawn(async move {
        shutdown::signalled().await;
        tracing::info!("shutting down");
        // Without a receiver the process is already exiting.
        let _ = stop.send(true);
    });

    let mut lease = None;
    let name = args.leader_election_id;
    if args.leader_elect {
        let namespace = args.leader_election_namespace.unwrap_or(config.default_namespace);
        process.leads(&name, false);
        readiness.unset("waiting to read the lease");
        let place = (namespace.as_str(), name.as_str());
        let acquired = lease::acquire(ungated, place, gate, &readiness, stopped.clone()).await?;
        let Some(held) = acquired else { return Ok(()) };
        readiness.unset("waiting for caches to sync");
        lease = Some(held);
    }
    process.leads(&name, true);
    let controller = sei_controller::run(
        client,
        options,
        metrics,
        move || {
            tracing::info!("caches are synced");
            readiness.set();
        },
        shutdown::requested(stopped),
    );
    match lease {
        None => controller.await.context("controller failed"),
        Some(mut lease) => {
            let outcome = tokio::select! {
                outcome = controller => outcome.context("controller failed"),
                lost = lease.lost() => return Err(lost.context("lost the lease; exiting, because another replica may be active")),
            };
            lease.release().await;
            outcome
        }
    }
}

/// The client configuration.
async fn config(args: &RunArgs) -> anyhow::Result<Config> {
    let Some(path) = &args.kubeconfig else {
        return Config::infer().await.context("no cluster found: give --kubeconfig, or run inside one");
    };
    from_file(path, &KubeConfigOptions::default()).await
}

/// A client that writes only while `gate` is open.
fn client(config: &Config, gate: &Gate, process: &metrics::Process) -> anyhow::Result<Client> {
    let client = ClientBuilder::try_from(config.clone()).context("failed to create a client")?;
    let client = client.with_layer(&MapRequestLayer::new(secrets::close_after));
    Ok(client.with_layer(gate).with_layer(process).build())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use sei_testkit::builders;

    use super::*;
    use crate::cli::{Cli, Command};

    #[test]
    fn a_process_that_may_not_write_does_not_submit_tasks_to_sidecars() {
        let Command::Run(args) = Cli::parse_from(["sei-operator", "run"]).command else {
            panic!("it is the command to run")
        };
        let settings = builders::platform().into_iter().map(|(name, value)| (name.into(), value.into()));
        let platform = Platform::from_settings(&settings.collect()).unwrap();
        let gate = Gate::default();
        let options = options(&args, platform, &gate).unwrap();
        assert!(options.gate.is_open());
        gate.shut();
        assert!(!options.gate.is_open());
    }
}
