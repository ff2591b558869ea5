//! The nodes of the simulator, and the volumes that they mount.

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, Once, Weak},
};

use futures::future::BoxFuture;
use rustls::sign::CertifiedKey;
use serde_json::{Map, Value};
use tempfile::TempDir;
use tokio::sync::watch;

use super::{
    Call, Generation, Handlers, Home, Outcome, Record, Sidecar, Work, lock, node_key,
    orders::Order,
    world::{Answers, Neighbours, Seid},
};

/// State that outlives a pod.
#[derive(Clone)]
pub(super) struct Volume {
    home: Home,
    prepared: Arc<Once>,
    records: Arc<Mutex<Vec<Record>>>,
}

impl Volume {
    fn new(folder: PathBuf) -> Self {
        Self { home: Home::new(folder), prepared: Arc::new(Once::new()), records: Arc::default() }
    }

    /// The home as created by `seid init`. Written when it is first needed: most of thousands of nodes never
    /// need it.
    pub(super) fn home(&self) -> &Home {
        self.prepared.call_once(|| {
            // A home that cannot be written makes the first task fail.
            let _ = self.home.write_json(node_key::FILE, &node_key::generate());
            let _ = self
                .home
                .write("config/config.toml", "")
                .and_then(|()| self.home.write("config/app.toml", ""));
        });
        &self.home
    }
}

/// Runs tasks like the real sidecar, with the configured delay and faults.
struct Simulated {
    host: String,
    volume: Volume,
    order: Arc<Mutex<Order>>,
    fleet: Weak<Mutex<Fleet>>,
}

impl Work for Simulated {
    fn generation(&self) -> Generation {
        lock(&self.order).generation
    }

    fn knows(&self, type_: &str) -> bool {
        let order = lock(&self.order);
        order.generation.knows(type_) && !order.faults.unknown.contains(type_)
    }

    fn run(&self, id: &str, type_: &str, params: Map<String, Value>) -> BoxFuture<'static, Outcome> {
        let (id, type_) = (id.to_owned(), type_.to_owned());
        let (order, volume) = (Arc::clone(&self.order), self.volume.clone());
        let world = Arc::new(Neighbours { host: self.host.clone(), answers: Weak::clone(&self.fleet) as _ });
        Box::pin(async move {
            let delay = {
                let faults = &lock(&order).faults;
                if faults.stuck.contains(&type_) { None } else { Some(faults.delay) }
            };
            match delay {
                Some(delay) => tokio::time::sleep(delay).await,
                None => std::future::pending().await,
            }
            let handlers = {
                let mut order = lock(&order);
                if let Some(error) = order.failure(&type_) {
                    return Err(error.into());
                }
                Handlers {
                    generation: order.generation,
                    home: volume.home().clone(),
                    chain: order.chain.clone(),
                    snapshots: Arc::clone(&order.bucket),
                    genesis: Arc::clone(&order.bucket),
                    world,
                    keyring: true,
                }
            };
            handlers.run(&id, &type_, params).await
        })
    }

    fn store(&self, records: &[&Record]) -> Result<(), String> {
        *lock(&self.volume.records) = records.iter().map(|record| (*record).clone()).collect();
        Ok(())
    }

    fn node_id(&self) -> Result<String, String> {
        node_key::id(self.volume.home()).map_err(|error| format!("{error:#}"))
    }
}

/// A node of the simulator.
pub(super) struct Node {
    /// Whether the pod is running.
    pub(super) running: bool,
    /// Whether the pod is being evicted.
    pub(super) evicted: bool,
    /// The sidecar on the mounted volume.
    pub(super) sidecar: Sidecar,
    pub(super) volume: Volume,
    pub(super) order: Arc<Mutex<Order>>,
    pub(super) calls: Vec<Call>,
    pub(super) certificate: Option<Arc<CertifiedKey>>,
    pub(super) seid: watch::Sender<Seid>,
    /// Audiences of tokens that its proxy accepts; empty means that of the API server.
    pub(super) audiences: Vec<String>,
    claim: String,
}

impl Node {
    /// Whether its seid responds: only after the sidecar has let it start.
    pub(super) fn has_seid(&self) -> bool {
        self.running && self.sidecar.is_ready() && self.seid.borrow().responds()
    }
}

/// All nodes, by the DNS name of their pod, and all volumes, by their claim.
pub(super) struct Fleet {
    nodes: BTreeMap<String, Node>,
    volumes: BTreeMap<String, Volume>,
    folder: TempDir,
    this: Weak<Mutex<Fleet>>,
}

/// Nodes, shared by listeners and tests.
pub(super) type Nodes = Arc<Mutex<Fleet>>;

impl Fleet {
    /// No nodes yet; volumes are subdirectories of a temporary directory.
    pub(super) fn start() -> io::Result<Nodes> {
        let folder = tempfile::tempdir()?;
        Ok(Arc::new_cyclic(|this| {
            let (nodes, volumes) = Default::default();
            Mutex::new(Self { nodes, volumes, folder, this: Weak::clone(this) })
        }))
    }

    /// The node of this name, if it exists.
    pub(super) fn known(&mut self, host: &str) -> Option<&mut Node> {
        self.nodes.get_mut(host)
    }

    /// The node of this name; created if necessary. A node whose pod mounts no claim has a volume of the same
    /// name.
    pub(super) fn node(&mut self, host: &str) -> &mut Node {
        if !self.nodes.contains_key(host) {
            let order = Arc::default();
            let (sidecar, volume) = self.sidecar(host, host, &order);
            let claim = host.to_owned();
            let node = Node {
                running: false,
                evicted: false,
                sidecar,
                volume,
                order,
                calls: Vec::new(),
                certificate: None,
                seid: watch::Sender::new(Seid::default()),
                audiences: Vec::new(),
                claim,
            };
            self.nodes.insert(host.to_owned(), node);
        }
        // It was inserted above if it did not exist.
        #[allow(clippy::expect_used, reason = "see above")]
        self.nodes.get_mut(host).expect("the node")
    }

    /// A pod mounts the volume of a claim. A new claim gets the state from before any claim was mounted.
    pub(super) fn mount(&mut self, host: &str, claim: &str) {
        let node = self.node(host);
        let (before, order) = (std::mem::replace(&mut node.claim, claim.to_owned()), Arc::clone(&node.order));
        if before == claim {
            return;
        }
        if before == host && !self.volumes.contains_key(claim) {
            let volume = self.volumes.remove(host);
            self.volumes.extend(volume.map(|volume| (claim.to_owned(), volume)));
            return;
        }
        let (sidecar, volume) = self.sidecar(host, claim, &order);
        let node = self.node(host);
        node.sidecar.stop();
        (node.sidecar, node.volume) = (sidecar, volume);
    }

    /// A sidecar on a volume.
    fn sidecar(&mut self, host: &str, claim: &str, order: &Arc<Mutex<Order>>) -> (Sidecar, Volume) {
        let folder = self.folder.path().join(claim);
        let volume = self.volumes.entry(claim.to_owned()).or_insert_with(|| Volume::new(folder)).clone();
        let records = lock(&volume.records).clone();
        let (order, fleet) = (Arc::clone(order), Weak::clone(&self.this));
        let work = Simulated { host: host.to_owned(), volume: volume.clone(), order, fleet };
        (Sidecar::new(work, records), volume)
    }
}

impl Answers for Mutex<Fleet> {
    fn rpc(&self, host: &str, path: &str) -> Option<Result<Value, String>> {
        let fleet = lock(self);
        let node = fleet.nodes.get(host)?;
        Some(match node.has_seid() {
            true => {
                let chain = lock(&node.order).chain.clone();
                node.sidecar.node_id().map(|id| node.seid.borrow().rpc(&id, &chain, path))
            }
            false => Err("connection refused".to_owned()),
        })
    }
}
