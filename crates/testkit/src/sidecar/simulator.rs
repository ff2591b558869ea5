//! A simulator of sidecars: thousands of nodes behind two listeners, one plain and one with TLS in place of
//! kube-rbac-proxy. The requested host name selects the node, as in a cluster. Each responds like a real
//! sidecar of its release, with injected faults.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::Context;
use kube::Client;
use serde_json::{Map, Value};
use tokio::sync::watch;

use super::{
    Call, Faults, Generation, Home, Record, listen, lock,
    nodes::{Fleet, Node, Nodes},
    outside::Folder,
    world::Seid,
};

/// How clients are authorized.
#[derive(Clone)]
pub enum Access {
    /// Any client with a token.
    AnyToken,
    /// With real TokenReviews and SubjectAccessReviews.
    Reviewed(Client),
}

/// The simulator. Clones share it.
#[derive(Clone)]
pub struct Simulator {
    nodes: Nodes,
    plain: SocketAddr,
    tls: SocketAddr,
}

impl Simulator {
    /// Listens on loopback. `access` authorizes clients over TLS.
    ///
    /// # Errors
    /// If no port or directory is available.
    pub async fn start(access: Access) -> anyhow::Result<Self> {
        let nodes = Fleet::start().context("create a folder for volumes")?;
        let reviewer = match access {
            Access::AnyToken => None,
            Access::Reviewed(client) => Some(client),
        };
        let plain = listen::plain(Arc::clone(&nodes)).await.context("listen for plain sidecars")?;
        let tls = listen::tls(Arc::clone(&nodes), reviewer).await.context("listen for TLS sidecars")?;
        Ok(Self { nodes, plain, tls })
    }

    /// Rules for the operator's `--sidecar-connect-to`.
    pub fn connect_to(&self) -> [String; 2] {
        [format!(":8443:{}", self.tls), format!("::{}", self.plain)]
    }

    /// A pod mounts the volume of a claim: work done on another volume does not count on this one.
    pub fn mount(&self, host: &str, claim: &str) {
        lock(&self.nodes).mount(host, claim);
    }

    /// Sets its release; the default is the newest.
    pub fn play(&self, host: &str, generation: Generation) {
        self.with(host, |node| lock(&node.order).generation = generation);
    }

    /// Sets the chain in its environment.
    pub fn join(&self, host: &str, chain: &str) {
        self.with(host, |node| chain.clone_into(&mut lock(&node.order).chain));
    }

    /// The sidecar's process starts: it is not ready, and tasks that were running run again.
    pub fn run(&self, host: &str) {
        self.with(host, |node| {
            node.running = true;
            node.sidecar.start();
        });
    }

    /// The sidecar's process runs and is ready.
    pub fn run_ready(&self, host: &str) {
        self.with(host, |node| {
            node.running = true;
            node.sidecar.set_ready(true);
        });
    }

    /// Its process ends. Connections to it are dropped.
    pub fn stop(&self, host: &str) {
        self.with(host, |node| {
            node.running = false;
            node.sidecar.stop();
        });
    }

    /// Its process is terminated, and records cancelled tasks as failed if its release can do so.
    pub fn terminate(&self, host: &str) {
        self.with(host, |node| {
            node.running = false;
            node.sidecar.cancel();
        });
    }

    /// Its pod is evicted: the process ends, and the pod fails.
    pub fn evict(&self, host: &str) {
        self.with(host, |node| {
            node.running = false;
            node.evicted = true;
            node.sidecar.stop();
        });
    }

    /// Whether its pod is being evicted; true once.
    pub(crate) fn take_eviction(&self, host: &str) -> bool {
        self.with(host, |node| std::mem::take(&mut node.evicted))
    }

    /// Sets the audiences of tokens that its proxy accepts.
    pub fn accept_audiences(&self, host: &str, audiences: Vec<String>) {
        self.with(host, |node| node.audiences = audiences);
    }

    /// Its pod was replaced by one without a proxy.
    pub fn remove_proxy(&self, host: &str) {
        self.with(host, |node| node.certificate = None);
    }

    /// Sets the certificate that its proxy serves.
    ///
    /// # Errors
    /// If the proxy cannot load the PEM.
    pub fn serve_certificate(&self, host: &str, crt: &[u8], key: &[u8]) -> anyhow::Result<()> {
        let certified = crate::certs::certified(crt, key)?;
        self.with(host, |node| node.certificate = Some(Arc::new(certified)));
        Ok(())
    }

    /// Sets the directory of its bucket, and its chain. By default every requested object exists.
    pub fn use_bucket(&self, host: &str, folder: PathBuf, chain: &str) {
        self.with(host, |node| lock(&node.order).bucket = Arc::new(Folder(folder)));
        self.join(host, chain);
    }

    /// Changes its seid.
    pub fn seid(&self, host: &str, change: impl FnOnce(&mut Seid)) {
        self.with(host, |node| node.seid.send_modify(change));
    }

    /// The container of its seid starts with this image.
    pub(crate) fn start_seid(&self, host: &str, image: &str) {
        self.seid(host, |seid| seid.start(image));
    }

    /// Watches its seid.
    pub(crate) fn watch_seid(&self, host: &str) -> watch::Receiver<Seid> {
        self.with(host, |node| node.seid.subscribe())
    }

    /// Changes its faults.
    pub fn faults(&self, host: &str, change: impl FnOnce(&mut Faults)) {
        self.with(host, |node| change(&mut lock(&node.order).faults));
    }

    /// Runs a task on its volume, as if another sidecar had done it before: without a record.
    ///
    /// # Errors
    /// The failure of the task.
    pub async fn perform(&self, host: &str, type_: &str, params: Map<String, Value>) -> Result<(), String> {
        let task = self.with(host, |node| node.sidecar.perform(type_, params));
        task.await.map(drop).map_err(|failure| failure.error)
    }

    /// The requests that it received, in order.
    pub fn calls(&self, host: &str) -> Vec<Call> {
        self.with(host, |node| node.calls.clone())
    }

    /// The number of requests that it received.
    pub fn call_count(&self, host: &str) -> usize {
        self.with(host, |node| node.calls.len())
    }

    /// The home on the mounted volume.
    pub fn home(&self, host: &str) -> Home {
        self.with(host, |node| node.volume.home().clone())
    }

    /// Its records, newest submission first.
    pub fn records(&self, host: &str) -> Vec<Record> {
        self.with(host, |node| node.sidecar.records())
    }

    /// How often a handler of each task type was started.
    pub fn runs(&self, host: &str) -> BTreeMap<String, u32> {
        let mut runs = BTreeMap::new();
        for record in self.records(host) {
            *runs.entry(record.type_).or_default() += record.run;
        }
        runs
    }

    /// Types of tasks whose handler was started more than once with the same ID.
    pub fn repeated(&self, host: &str) -> Vec<String> {
        self.records(host).into_iter().filter(|record| record.run > 1).map(|record| record.type_).collect()
    }

    /// Watches its readiness, as long as it mounts the same volume.
    pub fn readiness(&self, host: &str) -> watch::Receiver<bool> {
        self.with(host, |node| node.sidecar.readiness())
    }

    fn with<T>(&self, host: &str, look: impl FnOnce(&mut Node) -> T) -> T {
        look(lock(&self.nodes).node(host))
    }
}
