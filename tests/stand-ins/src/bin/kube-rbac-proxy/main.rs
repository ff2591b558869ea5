//! Stand-in for kube-rbac-proxy: accepts its flags and its configuration file, and handles requests like it.
//! Flags that the real proxy does not have are rejected, and so are features that this stand-in does not
//! support.

mod certificate;
mod config;
mod forward;

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use clap::{ArgAction, Parser};
use forward::Proxy;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use jiff::SignedDuration;
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use sei_stand_ins::{Ending, listen};
use sei_testkit::rbac_proxy::{Judge, Lifetimes};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// An HTTP proxy that authorizes clients with the Kubernetes API.
#[derive(Parser)]
#[command(name = "kube-rbac-proxy")]
struct Flags {
    /// Address on which it serves TLS.
    #[arg(long)]
    secure_listen_address: String,
    /// URL of the upstream.
    #[arg(long)]
    upstream: http::Uri,
    /// File with the permission that clients need.
    #[arg(long)]
    config_file: PathBuf,
    #[arg(long)]
    tls_cert_file: PathBuf,
    #[arg(long)]
    tls_private_key_file: PathBuf,
    /// How often the certificate is reloaded.
    #[arg(long, default_value = "1m")]
    tls_reload_interval: SignedDuration,
    /// Paths that need no authentication.
    #[arg(long, value_delimiter = ',')]
    ignore_paths: Vec<String>,
    /// Send the user to the upstream.
    #[arg(long, default_value = "false", num_args = 0..=1, default_missing_value = "true", require_equals = true, action = ArgAction::Set)]
    auth_header_fields_enabled: bool,
    /// Audiences of accepted tokens.
    #[arg(long, value_delimiter = ',')]
    auth_token_audiences: Vec<String>,
    /// Kubeconfig, for use outside a cluster.
    #[arg(long)]
    kubeconfig: Option<PathBuf>,
    /// Log level.
    #[arg(short, long = "v", value_name = "LEVEL", default_value_t = 0)]
    v: i32,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let flags = Flags::parse();
    let pattern = flags.ignore_paths.iter().find(|path| path.contains(['*', '?', '[', '\\']));
    ensure!(pattern.is_none(), "--ignore-paths: this stand-in takes paths, and no patterns: {pattern:?}");
    // The only TLS provider in the dependency tree; none can have been installed yet.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let wanted = config::resource(&flags.config_file)?;
    let pair = certificate::Pair { crt: flags.tls_cert_file, key: flags.tls_private_key_file };
    let (certificate, acceptor) = certificate::serving(&pair)?;
    let client = client(flags.kubeconfig).await?;
    let proxy = Proxy::new(
        Judge::new(client, flags.auth_token_audiences, Lifetimes::REAL),
        wanted,
        flags.upstream,
        flags.ignore_paths,
        flags.auth_header_fields_enabled,
    )?;
    let listener = listen(&flags.secure_listen_address).await?;
    eprintln!("Listening securely on {}, log level {}", listener.local_addr()?, flags.v);
    let interval = Duration::try_from(flags.tls_reload_interval).context("--tls-reload-interval")?;
    let mut ending = Ending::new()?;
    tokio::select! {
        never = serve(listener, acceptor, Arc::new(proxy)) => never,
        // It exits when the certificate can no longer be served.
        failed = certificate::reload(&pair, &certificate, interval) => failed,
        _ = ending.signalled() => Ok(()),
    }
}

/// The API server of the kubeconfig, or of the cluster that the process runs in.
async fn client(kubeconfig: Option<PathBuf>) -> anyhow::Result<Client> {
    let mut config = match kubeconfig {
        Some(path) => {
            let file = Kubeconfig::read_from(&path).with_context(|| format!("read {}", path.display()))?;
            Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?
        }
        None => Config::incluster().context("find the API server of the pod")?,
    };
    // A client is waiting for the response: what the API server rejects now is rejected.
    config.default_retry = false;
    Ok(Client::try_from(config)?)
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, proxy: Arc<Proxy>) -> anyhow::Result<()> {
    loop {
        let (stream, from) = listener.accept().await.context("accept")?;
        let (acceptor, proxy) = (acceptor.clone(), Arc::clone(&proxy));
        tokio::spawn(async move {
            match acceptor.accept(stream).await {
                Ok(stream) => {
                    let service =
                        hyper::service::service_fn(|request| Arc::clone(&proxy).answer(from.ip(), request));
                    let server = auto::Builder::new(TokioExecutor::new());
                    // A client that disconnects ends the connection, which is expected.
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                }
                Err(error) => eprintln!("TLS handshake error from {from}: {error}"),
            }
        });
    }
}
