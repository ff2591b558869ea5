//! A simulator of sidecars: thousands of nodes behind two listeners, one plain and one with TLS in the place of
//! kube-rbac-proxy. Which node is meant follows from the name that the client asks for, as in a cluster. Each
//! answers as a real sidecar does, with faults to order.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use anyhow::Context;
use futures::future::BoxFuture;
use kube::Client;
use rustls::sign::CertifiedKey;
use serde_json::Value;
use tokio::sync::watch;
use uuid::Uuid;

use super::{Record, Sidecar, Work, bucket::Bucket, listen, lock};
use crate::{
    crash::Crash,
    rbac_proxy::{Judge, Lifetimes},
};

/// Audience that tokens must have.
const AUDIENCE: &str = "sei-sidecar";

/// How callers are judged.
#[derive(Clone)]
pub enum Access {
    /// Any caller that has a token.
    AnyToken,
    /// By real TokenReviews and SubjectAccessReviews.
    Reviewed(Client),
}

/// What is wrong with a sidecar.
#[derive(Clone, Debug)]
pub struct Faults {
    /// How long each task takes.
    pub delay: Duration,
    /// Takes requests and never answers them.
    pub hang: bool,
    /// Answers on its own port although it is behind a proxy, as versions before v0.0.50 do.
    pub plain_port: bool,
    /// Answers everything with this status.
    pub answer: Option<u16>,
    /// Task types that fail this many times, with this error.
    pub fail: BTreeMap<String, (u32, String)>,
    /// Counts and cuts the tasks that are given to it.
    pub crash: Option<Crash>,
    /// Task types that this version of the sidecar does not know.
    pub unknown: BTreeSet<String>,
    /// Task types that never end.
    pub stuck: BTreeSet<String>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(20),
            hang: false,
            plain_port: false,
            answer: None,
            fail: BTreeMap::new(),
            crash: None,
            unknown: BTreeSet::new(),
            stuck: BTreeSet::from(["snapshot-upload".to_owned()]),
        }
    }
}

/// A request that reached a sidecar.
#[derive(Clone, Debug)]
pub struct Call {
    /// HTTP method.
    pub method: String,
    /// Path.
    pub path: String,
    /// Body, null where there was none.
    pub body: Value,
    /// Whether it carried a bearer token.
    pub has_token: bool,
}

/// What the handlers of a node do, to order.
#[derive(Default)]
pub(super) struct Order {
    pub(super) faults: Faults,
    /// Without one, what is done in a bucket succeeds.
    bucket: Option<Bucket>,
}

impl Order {
    /// How a task ends.
    fn outcome(&mut self, type_: &str, params: &Value) -> Result<(), String> {
        match self.faults.fail.get_mut(type_) {
            Some((left, error)) if *left > 0 => {
                *left -= 1;
                Err(error.clone())
            }
            _ => self.bucket.as_ref().map_or(Ok(()), |bucket| bucket.serve(type_, params)),
        }
    }
}

/// Does tasks by waiting.
struct Simulated {
    node: Uuid,
    order: Arc<Mutex<Order>>,
    all: Weak<Mutex<BTreeMap<String, Node>>>,
}

impl Simulated {
    /// A host tells its id once its seid runs, that is once its sidecar is ready. A source that finds none fails.
    fn answering(all: &Weak<Mutex<BTreeMap<String, Node>>>, params: &Value) -> Result<(), String> {
        let Some(all) = all.upgrade() else { return Ok(()) };
        let all = lock(&all);
        let runs = |host: &Value| {
            let node = host.as_str().and_then(|host| all.get(host));
            node.is_some_and(|node| node.running && node.sidecar.is_ready())
        };
        let sources = params["sources"].as_array().into_iter().flatten();
        let mut by_name = sources.filter(|source| source["type"] == "dnsEndpoints");
        let silent = by_name.any(|source| !source["endpoints"].as_array().into_iter().flatten().any(runs));
        if silent {
            Err("discover-peers: no reachable peers found via dnsEndpoints".to_owned())
        } else {
            Ok(())
        }
    }
}

impl Work for Simulated {
    fn knows(&self, type_: &str) -> bool {
        !lock(&self.order).faults.unknown.contains(type_)
    }

    fn run(&self, type_: &str, params: Value) -> BoxFuture<'static, Result<(), String>> {
        let (type_, order, all) = (type_.to_owned(), Arc::clone(&self.order), Weak::clone(&self.all));
        Box::pin(async move {
            let delay = {
                let faults = &lock(&order).faults;
                if faults.stuck.contains(&type_) { None } else { Some(faults.delay) }
            };
            match delay {
                Some(delay) => tokio::time::sleep(delay).await,
                None => std::future::pending().await,
            }
            if type_ == "discover-peers" {
                Self::answering(&all, &params)?;
            }
            lock(&order).outcome(&type_, &params)
        })
    }

    /// Records live as long as the simulator, as they do on a data volume.
    fn store(&self, _: &[&Record]) -> Result<(), String> {
        Ok(())
    }

    fn node_id(&self) -> Result<String, String> {
        let id = self.node.simple().to_string();
        Ok(format!("{id}{}", &id[..8]))
    }
}

/// A node of the simulator.
pub(super) struct Node {
    /// The pod runs.
    pub(super) running: bool,
    /// The pod is to be ended by its machine.
    evicted: bool,
    pub(super) sidecar: Sidecar,
    pub(super) order: Arc<Mutex<Order>>,
    pub(super) calls: Vec<Call>,
    pub(super) certificate: Option<Arc<CertifiedKey>>,
}

impl Node {
    fn new(host: &str, all: &Nodes) -> Self {
        let order = Arc::<Mutex<Order>>::default();
        let node = Uuid::new_v5(&Uuid::NAMESPACE_DNS, host.as_bytes());
        let sidecar =
            Sidecar::new(Simulated { node, order: Arc::clone(&order), all: Arc::downgrade(all) }, Vec::new());
        Self { running: false, evicted: false, sidecar, order, calls: Vec::new(), certificate: None }
    }
}

/// Nodes by the name of their pod.
pub(super) type Nodes = Arc<Mutex<BTreeMap<String, Node>>>;

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
    /// When no port is free.
    pub async fn start(access: Access) -> anyhow::Result<Self> {
        let nodes = Nodes::default();
        let judge = match access {
            Access::AnyToken => None,
            Access::Reviewed(client) => {
                Some(Arc::new(Judge::new(client, vec![AUDIENCE.to_owned()], Lifetimes::NONE)))
            }
        };
        let plain = listen::plain(Arc::clone(&nodes)).await.context("listen for plain sidecars")?;
        let tls = listen::tls(Arc::clone(&nodes), judge).await.context("listen for TLS sidecars")?;
        Ok(Self { nodes, plain, tls })
    }

    /// Rules for the operator's `--sidecar-connect-to`.
    pub fn connect_to(&self) -> [String; 2] {
        [format!(":8443:{}", self.tls), format!("::{}", self.plain)]
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

    /// The certificate that its proxy serves.
    ///
    /// # Errors
    /// PEM that the proxy could not start with.
    pub fn serve_certificate(&self, host: &str, crt: &[u8], key: &[u8]) -> anyhow::Result<()> {
        let certified = crate::certs::certified(crt, key)?;
        self.with(host, |node| node.certificate = Some(Arc::new(certified)));
        Ok(())
    }

    /// The folder that is its genesis bucket, and its chain.
    pub fn use_bucket(&self, host: &str, folder: PathBuf, chain: &str) {
        let bucket = Bucket { folder, chain: chain.to_owned() };
        self.with(host, |node| lock(&node.order).bucket = Some(bucket));
    }

    /// Changes its faults.
    pub fn faults(&self, host: &str, change: impl FnOnce(&mut Faults)) {
        self.with(host, |node| change(&mut lock(&node.order).faults));
    }

    /// What it was asked, in order.
    pub fn calls(&self, host: &str) -> Vec<Call> {
        self.with(host, |node| node.calls.clone())
    }

    /// How often a handler of each task type was started.
    pub fn runs(&self, host: &str) -> BTreeMap<String, u32> {
        let mut runs = BTreeMap::new();
        for record in self.with(host, |node| node.sidecar.records()) {
            *runs.entry(record.type_).or_default() += record.run;
        }
        runs
    }

    /// Types of tasks whose handler was started more than once under one id.
    pub fn repeated(&self, host: &str) -> Vec<String> {
        let records = self.with(host, |node| node.sidecar.records());
        records.into_iter().filter(|record| record.run > 1).map(|record| record.type_).collect()
    }

    /// Follows its readiness.
    pub fn readiness(&self, host: &str) -> watch::Receiver<bool> {
        self.with(host, |node| node.sidecar.readiness())
    }

    fn with<T>(&self, host: &str, look: impl FnOnce(&mut Node) -> T) -> T {
        look(lock(&self.nodes).entry(host.to_owned()).or_insert_with(|| Node::new(host, &self.nodes)))
    }
}
