//! Connects to the cluster as the user of a command.

use std::{path::Path, process::ExitCode};

use anyhow::{Context, bail};
use kube::{
    Client, Config, Error,
    config::{KubeConfigOptions, Kubeconfig},
};

use crate::{
    bad_input::bad,
    cli::{AccessArgs, ClusterArgs},
};

/// The reason that the client gives to an error that no API server wrote.
const NOT_A_STATUS: &str = "Failed to parse error data";

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
    Ok((client(config).await?, namespace))
}

/// A client that is not limited to a namespace.
pub(crate) async fn connect_to_all(args: &AccessArgs) -> anyhow::Result<Client> {
    client(config(args).await?).await
}

/// A client, once the server has responded like an API server: what another server responds to later requests can look like
/// a missing kind.
async fn client(config: Config) -> anyhow::Result<Client> {
    let url = &config.cluster_url;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    // Without the user and password that a URL can contain.
    let server =
        format!("{}://{}{port}", url.scheme_str().unwrap_or_default(), url.host().unwrap_or_default());
    let client = Client::try_from(config).context("failed to create a client")?;
    let foreign =
        format!("the server at {server} does not respond like a Kubernetes API server: check the kubeconfig");
    match client.apiserver_version().await {
        Ok(version) if version.major.is_empty() => bail!("{foreign}"),
        Ok(_) => Ok(client),
        // Users may lack the permission to read the version.
        Err(Error::Api(status)) if status.is_forbidden() => Ok(client),
        Err(Error::Api(status)) if status.code == 401 => bail!(
            "the API server at {server} rejected the credentials of the kubeconfig, which may have expired: log in again"
        ),
        Err(error @ Error::SerdeError(_)) => Err(error).context(foreign),
        Err(Error::Api(status)) if status.reason == NOT_A_STATUS => Err(Error::Api(status)).context(foreign),
        Err(error) => Err(error)
            .with_context(|| format!("failed to reach the API server at {server}: check the kubeconfig")),
    }
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
    let config = Config::from_custom_kubeconfig(kubeconfig, options).await;
    config.map_err(|error| bad(format!("--kubeconfig: {}: {error}", path.display())))
}
