//! A separate control plane: real etcd, kube-apiserver and, optionally, kube-controller-manager, on loopback,
//! in a temporary directory, stopped when dropped.

mod process;

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use self::process::Process;
use crate::certs::{self, Authority};

/// The administrator's token.
const ADMIN_TOKEN: &str = "admin-token-of-a-throw-away-cluster";
/// Only the controllers that the operator depends on. Everything that needs real machines is left out.
const CONTROLLERS: &str = "statefulset-controller,job-controller,garbage-collector-controller,persistentvolumeclaim-protection-controller,namespace-controller,serviceaccount-controller";
const PATIENCE: Duration = Duration::from_secs(60);
const API_SERVER: &str = "kube-apiserver";

/// The directory of the programs, from `KUBEBUILDER_ASSETS`.
///
/// # Errors
/// If the variable is not set.
pub fn assets() -> anyhow::Result<PathBuf> {
    std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from).context(
        "KUBEBUILDER_ASSETS is not set: run `cargo xtask test`, or export KUBEBUILDER_ASSETS=$(cargo xtask tools)",
    )
}

/// A running control plane.
pub struct ControlPlane {
    // Stopped in this order: dependents first.
    controller_manager: Option<Process>,
    api_server: Process,
    api_server_arguments: Vec<String>,
    etcd: Process,
    folder: TempDir,
    assets: PathBuf,
    port: u16,
    authority: Authority,
}

impl ControlPlane {
    /// Starts etcd and kube-apiserver from the directory `assets`.
    ///
    /// # Errors
    /// What could not be started, with the end of its log.
    pub async fn start(assets: &Path) -> anyhow::Result<Self> {
        Self::start_with(assets, &[]).await
    }

    /// Like [`start`](Self::start), with additional `flags` for kube-apiserver.
    ///
    /// # Errors
    /// What could not be started, with the end of its log.
    pub async fn start_with(assets: &Path, flags: &[String]) -> anyhow::Result<Self> {
        let assets = assets.to_owned();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::Builder::new().prefix("sei-control-plane-").tempdir()?;
        let authority = Authority::new("control plane of tests")?;
        let [etcd_port, peer_port, port] = free_ports()?;
        let etcd = etcd(&assets, folder.path(), etcd_port, peer_port)?;
        let mut api_server_arguments = api_server_arguments(folder.path(), &authority, etcd_port, port)?;
        api_server_arguments.extend_from_slice(flags);
        let api_server = Process::start(&assets, folder.path(), API_SERVER, &api_server_arguments)?;
        let mut plane = Self {
            controller_manager: None,
            api_server,
            api_server_arguments,
            etcd,
            folder,
            assets,
            port,
            authority,
        };
        fs::write(plane.kubeconfig(), plane.kubeconfig_for(ADMIN_TOKEN).to_string())?;
        plane.wait_until_ready().await?;
        Ok(plane)
    }

    /// Kills the API server, and starts it again after `outage`. Returns once it is ready.
    ///
    /// # Errors
    /// If it does not become ready again.
    pub async fn restart_api_server(&mut self, outage: Duration) -> anyhow::Result<()> {
        self.api_server.end();
        tokio::time::sleep(outage).await;
        let (folder, arguments) = (self.folder.path(), &self.api_server_arguments);
        self.api_server = Process::start(&self.assets, folder, API_SERVER, arguments)?;
        self.wait_until_ready().await
    }

    /// Starts kube-controller-manager. Install CRDs first: its garbage collector discovers later ones slowly.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start_controllers(&mut self) -> anyhow::Result<()> {
        let arguments = [
            format!("--kubeconfig={}", self.kubeconfig().display()),
            format!("--controllers={CONTROLLERS}"),
            "--leader-elect=false".to_owned(),
            "--secure-port=0".to_owned(),
            // Its cached objects could be as old as the resync interval.
            "--min-resync-period=30m".to_owned(),
            // Its limits are for large clusters with few changes; a test creates everything at once.
            "--kube-api-qps=1000".to_owned(),
            "--kube-api-burst=2000".to_owned(),
            "--concurrent-statefulset-syncs=16".to_owned(),
        ];
        let name = "kube-controller-manager";
        self.controller_manager = Some(Process::start(&self.assets, self.folder.path(), name, &arguments)?);
        Ok(())
    }

    /// Stops kube-controller-manager: nothing is garbage-collected and no pod created until it is started
    /// again.
    pub fn stop_controllers(&mut self) {
        self.controller_manager = None;
    }

    /// Process ID of kube-apiserver.
    pub fn api_server_pid(&self) -> u32 {
        self.api_server.id()
    }

    /// Kubeconfig of an administrator.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// Directory for files that are kept as long as the control plane runs.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Path of kubectl.
    pub fn kubectl(&self) -> PathBuf {
        self.assets.join("kubectl")
    }

    /// A kubeconfig with another bearer token.
    pub fn kubeconfig_for(&self, token: &str) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "local", "cluster": {
                "server": format!("https://127.0.0.1:{}", self.port),
                "certificate-authority-data": k8s_openapi::ByteString(self.authority.pem().into_bytes()),
            }}],
            "users": [{ "name": "user", "user": { "token": token } }],
            "contexts": [{ "name": "local", "context": { "cluster": "local", "user": "user", "namespace": "default" } }],
            "current-context": "local",
        })
    }

    /// A client with administrator permissions.
    ///
    /// # Errors
    /// None in practice.
    pub async fn client(&self) -> anyhow::Result<Client> {
        self.client_for(ADMIN_TOKEN).await
    }

    /// A client with the permissions of a token.
    ///
    /// # Errors
    /// None in practice.
    pub async fn client_for(&self, token: &str) -> anyhow::Result<Client> {
        let kubeconfig: Kubeconfig = serde_json::from_value(self.kubeconfig_for(token))?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        Ok(Client::try_from(config)?)
    }

    async fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let client = self.client().await?;
        let began = Instant::now();
        loop {
            let request = http::Request::get("/readyz").body(Vec::new())?;
            if client.request_text(request).await.is_ok() {
                return Ok(());
            }
            let ended = self.api_server.has_ended() || self.etcd.has_ended();
            if ended || began.elapsed() > PATIENCE {
                let log = |process: &Process| process.log_end();
                bail!("the API server is not ready:\n{}\n{}", log(&self.api_server), log(&self.etcd));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn etcd(assets: &Path, folder: &Path, port: u16, peer_port: u16) -> anyhow::Result<Process> {
    let client = format!("http://127.0.0.1:{port}");
    let peer = format!("http://127.0.0.1:{peer_port}");
    let arguments = [
        format!("--data-dir={}", folder.join("etcd").display()),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
        // No data has to survive a power failure.
        "--unsafe-no-fsync".to_owned(),
    ];
    Process::start(assets, folder, "etcd", &arguments)
}

fn api_server_arguments(
    folder: &Path,
    authority: &Authority,
    etcd_port: u16,
    port: u16,
) -> anyhow::Result<Vec<String>> {
    let pair = authority.issue(&["127.0.0.1".to_owned(), "localhost".to_owned()])?;
    let file = |name: &str, text: &str| -> anyhow::Result<String> {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        Ok(path.display().to_string())
    };
    let signing = certs::signing_key()?;
    let tokens = file("tokens.csv", &format!("{ADMIN_TOKEN},admin,admin,\"system:masters\"\n"))?;
    Ok(vec![
        format!("--etcd-servers=http://127.0.0.1:{etcd_port}"),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--secure-port={port}"),
        format!("--tls-cert-file={}", file("apiserver.crt", &pair.crt)?),
        format!("--tls-private-key-file={}", file("apiserver.key", &pair.key)?),
        format!("--token-auth-file={tokens}"),
        "--authorization-mode=RBAC".to_owned(),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-account-key-file={}", file("service-accounts.pub", &signing.crt)?),
        format!("--service-account-signing-key-file={}", file("service-accounts.key", &signing.key)?),
        "--service-cluster-ip-range=10.0.0.0/16".to_owned(),
        "--endpoint-reconciler-type=none".to_owned(),
    ])
}

/// Ports that are free now.
fn free_ports<const N: usize>() -> anyhow::Result<[u16; N]> {
    let mut ports = [0; N];
    // All are kept open until the last one is known, so that no two are the same.
    let mut held = Vec::new();
    for port in &mut ports {
        let listener = TcpListener::bind("127.0.0.1:0").context("find a free port")?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}
