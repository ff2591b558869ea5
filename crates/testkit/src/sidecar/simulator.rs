//! A simulator of sidecars: thousands of nodes behind two listeners, one plain and one with TLS in the place of
//! kube-rbac-proxy. Which node is meant follows from the name that the client asks for, as in a cluster. Each
//! answers as a real sidecar of its release does, with faults to order.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::Context;
use kube::Client;
use serde_json::{Map, Value};
use tokio::sync::watch;

use super::{
    Call, Faults, Generation, Home, Record, listen, lock,
    nodes::{Fleet, Node, Nodes},
    outside::Folder,
};

/// How callers are judged.
#[derive(Clone)]
pub enum Access {
    /// Any caller that has a token.
    AnyToken,
    /// By real TokenReviews and SubjectAccessReviews.
    Reviewed(Client),
}

/// The simulator. Clones are the same one.
#[derive(Clone)]
pub struct Simulator {
    nodes: Nodes,
    plain: SocketAddr,
    tls: SocketAddr,
}

impl Simulator {
    /// Listens on loopback. `access` judges who calls through TLS.
    ///
    /// # Errors
    /// When no port or folder is available.
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

    /// A pod mounts the volume of a claim: what was done on another volume is not done on this one.
    pub fn mount(&self, host: &str, claim: &str) {
        lock(&self.nodes).mount(host, claim);
    }

    /// The release that it is; the newest unless another is chosen.
    pub fn play(&self, host: &str, generation: Generation) {
        self.with(host, |node| lock(&node.order).generation = generation);
    }

    /// The chain that its environment names.
    pub fn join(&self, host: &str, chain: &str) {
        self.with(host, |node| chain.clone_into(&mut lock(&node.order).chain));
    }

    /// The sidecar's process starts: it is not ready, and what was running runs again.
    pub fn run(&self, host: &str) {
        self.with(host, |node| {
            node.running = true;
            node.sidecar.start();
        });
    }

    /// The sidecar's process runs and was made ready before.
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

    /// Its process is asked to end, and records cancelled tasks as failed where its release can do so.
    pub fn terminate(&self, host: &str) {
        self.with(host, |node| {
            node.running = false;
            node.sidecar.cancel();
        });
    }

    /// Its pod is evicted: the process ends, and the pod has failed.
    pub fn evict(&self, host: &str) {
        self.with(host, |node| {
            node.running = false;
            node.evicted = true;
            node.sidecar.stop();
        });
    }

    /// Whether its pod is to be ended; true once.
    pub(crate) fn take_eviction(&self, host: &str) -> bool {
        self.with(host, |node| std::mem::take(&mut node.evicted))
    }

    /// The audiences of the tokens that its proxy accepts.
    pub fn accept_audiences(&self, host: &str, audiences: Vec<String>) {
        self.with(host, |node| node.audiences = audiences);
    }

    /// A pod without a proxy took the place of one with it.
    pub fn remove_proxy(&self, host: &str) {
        self.with(host, |node| node.certificate = None);
    }

    /// The certificate that its proxy serves.
    ///
    /// # Errors
    /// PEM that the proxy could not start with.
    pub fn serve_certificate(&self, host: &str, crt: &[u8], key: &[u8]) -> anyhow::Result<()> {
        let certified = crate::certs::certified(crt, key)?;
        self.with(host, |node| node.certificate = Some(Arc::new(certified)));
        Ok(())
    }

    /// The folder that is its bucket, and its chain. Without one, everything that it looks for is there.
    pub fn use_bucket(&self, host: &str, folder: PathBuf, chain: &str) {
        self.with(host, |node| lock(&node.order).bucket = Arc::new(Folder(folder)));
        self.join(host, chain);
    }

    /// Changes its faults.
    pub fn faults(&self, host: &str, change: impl FnOnce(&mut Faults)) {
        self.with(host, |node| change(&mut lock(&node.order).faults));
    }

    /// Does a task on its volume as another sidecar did it before: nothing of it is on record.
    ///
    /// # Errors
    /// How it failed.
    pub async fn perform(&self, host: &str, type_: &str, params: Map<String, Value>) -> Result<(), String> {
        let task = self.with(host, |node| node.sidecar.perform(type_, params));
        task.await.map(drop).map_err(|failure| failure.error)
    }

    /// The requests that reached it, in order.
    pub fn calls(&self, host: &str) -> Vec<Call> {
        self.with(host, |node| node.calls.clone())
    }

    /// How many requests have reached it.
    pub fn call_count(&self, host: &str) -> usize {
        self.with(host, |node| node.calls.len())
    }

    /// The home on the volume that it mounts.
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

    /// Types of tasks whose handler was started more than once under one id.
    pub fn repeated(&self, host: &str) -> Vec<String> {
        self.records(host).into_iter().filter(|record| record.run > 1).map(|record| record.type_).collect()
    }

    /// Follows its readiness, as long as it mounts the same volume.
    pub fn readiness(&self, host: &str) -> watch::Receiver<bool> {
        self.with(host, |node| node.sidecar.readiness())
    }

    fn with<T>(&self, host: &str, look: impl FnOnce(&mut Node) -> T) -> T {
        look(lock(&self.nodes).node(host))
    }
}
