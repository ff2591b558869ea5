//! Connects to the cluster as the user of a command.

use std::{path::Path, process::ExitCode};

use anyhow::{Context, bail};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

use crate::{
    bad_input::bad,
    cli::{AccessArgs, ClusterArgs},
};

/// Runs a command that talks to a cluster.
pub(crate) fn block_on(command: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        bail!("a TLS provider was installed before the client could choose its own");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("failed to start the runtime")?.block_on(command)
}

/// A client, and the selected namespace.
pub(crate) async fn connect(args: &ClusterArgs) -> anyhow::Result<(Client, String)> {
    let config = config(&args.access).await?;
    let namespace = args.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
    Ok((client(config)?, namespace))
}

/// A client that is not limited to a namespace.
pub(crate) async fn connect_to_all(args: &AccessArgs) -> anyhow::Result<Client> {
    client(config(args).await?)
}

fn client(config: Config) -> anyhow::Result<Client> {
    Client::try_from(config).context("failed to create a client")
}

async fn config(args: &AccessArgs) -> anyhow::Result<Config> {
    let options = KubeConfigOptions { context: args.context.clone(), ..KubeConfigOptions::default() };
    if let Some(path) = &args.kubeconfig {
        return from_file(path, &options).await;
    }
    let config = match &args.context {
        Some(_) => Config::from_kubeconfig(&options).await.map_err(anyhow::Error::from),
        None => Config::infer().await.map_err(anyhow::Error::from),
    };
    config.context("no cluster found: give --kubeconfig, or set KUBECONFIG")
}

/// The client configuration of a kubeconfig file.
pub(crate) async fn from_file(path: &Path, options: &KubeConfigOptions) -> anyhow::Result<Config> {
    let kubeconfig = Kubeconfig::read_from(path).map_err(|error| bad(format!("--kubeconfig: {error}")))?;
    Ok(Config::from_custom_kubeconfig(kubeconfig, options).await?)
}
