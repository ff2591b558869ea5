//! Host names of sidecars that resolve to the simulator, for operators without a setting for that: a hosts
//! file, and listeners on the sidecars' ports on loopback.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::Context;
use sei_testkit::cluster::Cluster;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// The hosts file, and the listeners; closed when dropped.
pub(crate) struct Names {
    hosts: PathBuf,
    _ports: JoinSet<()>,
}

impl Names {
    /// None yet.
    pub(crate) fn none(folder: &Path) -> Self {
        Self { hosts: folder.join("hosts"), _ports: JoinSet::new() }
    }

    /// Names of the sidecars of `nodes`, on the ports of real ones.
    pub(crate) async fn of(cluster: &Cluster, nodes: &[String]) -> anyhow::Result<Self> {
        let mut names = Self::none(cluster.plane.folder());
        let mut text = "127.0.0.1 localhost\n".to_owned();
        for node in nodes {
            text.push_str(&format!("127.0.0.1 {}\n", Cluster::host(node)));
        }
        fs::write(&names.hosts, text).with_context(|| format!("write {}", names.hosts.display()))?;
        for rule in cluster.simulator.connect_to() {
            // `:8443:ADDRESS` for TLS, `::ADDRESS` for everything else.
            let (port, address) = match rule.strip_prefix(":8443:") {
                Some(address) => (8443, address),
                None => (7777, rule.trim_start_matches(':')),
            };
            let address: SocketAddr = address.parse().context("address of the simulator")?;
            let listener = TcpListener::bind(("127.0.0.1", port)).await;
            let listener = listener.with_context(|| format!("listen on port {port} of loopback"))?;
            names._ports.spawn(forward(listener, address));
        }
        Ok(names)
    }

    /// The file for `/etc/hosts`.
    pub(crate) fn hosts(&self) -> &Path {
        &self.hosts
    }
}

async fn forward(listener: TcpListener, to: SocketAddr) {
    while let Ok((mut incoming, _)) = listener.accept().await {
        tokio::spawn(async move {
            let Ok(mut outgoing) = TcpStream::connect(to).await else { return };
            // Either side may close the connection at any time.
            let _ = copy_bidirectional(&mut incoming, &mut outgoing).await;
        });
    }
}
