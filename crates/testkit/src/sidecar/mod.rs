//! A simulator of sidecars: thousands of nodes behind two listeners, one plain and one with TLS in the place of
//! kube-rbac-proxy. Which node is meant follows from the name that the client asks for, as in a cluster. It
//! answers as the real sidecar does, with faults to order.

mod api;
pub(crate) mod bucket;
mod listen;
mod proxy;
mod tasks;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::Context;
use bucket::Bucket;
use rustls::sign::CertifiedKey;
use serde_json::Value;
use tasks::Task;
use tokio::sync::watch;
use uuid::Uuid;

#[cfg(feature = "s3")]
pub(crate) use listen::certified;
pub use proxy::Access;

use crate::crash::Crash;

/// What is wrong with a sidecar.
#[derive(Clone, Debug)]
pub struct Faults {
    /// How long each task takes.
    pub delay: Duration,
    /// Takes requests and never answers them.
    pub hang: bool,
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

/// One sidecar. Its records survive a restart, as the file on the data volume does.
struct Sidecar {
    /// The pod runs.
    running: bool,
    /// The pod is to be ended by its machine.
    evicted: bool,
    ready: watch::Sender<bool>,
    tasks: BTreeMap<Uuid, Task>,
    calls: Vec<Call>,
    faults: Faults,
    certificate: Option<Arc<CertifiedKey>>,
    /// Without one, what is done in a bucket succeeds.
    bucket: Option<Bucket>,
}

impl Default for Sidecar {
    fn default() -> Self {
        Self {
            running: false,
            evicted: false,
            ready: watch::Sender::new(false),
            tasks: BTreeMap::new(),
            calls: Vec::new(),
            faults: Faults::default(),
            certificate: None,
            bucket: None,
        }
    }
}

type Sidecars = Arc<Mutex<BTreeMap<String, Sidecar>>>;

/// The simulator. Clones are the same one.
#[derive(Clone)]
pub struct Simulator {
    sidecars: Sidecars,
    plain: SocketAddr,
    tls: SocketAddr,
}

impl Simulator {
    /// Listens on loopback. `access` judges who calls through TLS.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(access: Access) -> anyhow::Result<Self> {
        let sidecars = Sidecars::default();
        let plain = listen::plain(Arc::clone(&sidecars)).await.context("listen for plain sidecars")?;
        let tls = listen::tls(Arc::clone(&sidecars), access).await.context("listen for TLS sidecars")?;
        Ok(Self { sidecars, plain, tls })
    }

    /// Rules for the operator's `--sidecar-connect-to`.
    pub fn connect_to(&self) -> [String; 2] {
        [format!(":8443:{}", self.tls), format!("::{}", self.plain)]
    }

    /// The sidecar's process starts: it is not ready, and what was running runs again.
    pub fn run(&self, host: &str) {
        let again: Vec<Uuid> = self.with(host, |sidecar| {
            sidecar.running = true;
            sidecar.ready.send_replace(false);
            sidecar.tasks.iter().filter(|(_, task)| task.is_running()).map(|(id, _)| *id).collect()
        });
        for id in again {
            tasks::execute(&self.sidecars, host, id);
        }
    }

    /// The sidecar's process runs and was made ready before.
    pub fn run_ready(&self, host: &str) {
        self.with(host, |sidecar| {
            sidecar.running = true;
            sidecar.ready.send_replace(true);
        });
    }

    /// Its process ends. Connections to it are dropped.
    pub fn stop(&self, host: &str) {
        self.with(host, |sidecar| {
            sidecar.running = false;
            sidecar.ready.send_replace(false);
        });
    }

    /// Its pod is evicted: the process ends, and the pod has failed.
    pub fn evict(&self, host: &str) {
        self.with(host, |sidecar| {
            sidecar.running = false;
            sidecar.evicted = true;
            sidecar.ready.send_replace(false);
        });
    }

    /// Whether its pod is to be ended; true once.
    pub(crate) fn take_eviction(&self, host: &str) -> bool {
        self.with(host, |sidecar| std::mem::take(&mut sidecar.evicted))
    }

    /// The certificate that its proxy serves.
    ///
    /// # Errors
    /// PEM that the proxy could not start with.
    pub fn serve_certificate(&self, host: &str, crt: &[u8], key: &[u8]) -> anyhow::Result<()> {
        let certified = listen::certified(crt, key)?;
        self.with(host, |sidecar| sidecar.certificate = Some(Arc::new(certified)));
        Ok(())
    }

    /// The folder that is its genesis bucket, and its chain.
    pub fn use_bucket(&self, host: &str, folder: PathBuf, chain: &str) {
        self.with(host, |sidecar| sidecar.bucket = Some(Bucket { folder, chain: chain.to_owned() }));
    }

    /// Changes its faults.
    pub fn faults(&self, host: &str, change: impl FnOnce(&mut Faults)) {
        self.with(host, |sidecar| change(&mut sidecar.faults));
    }

    /// What it was asked, in order.
    pub fn calls(&self, host: &str) -> Vec<Call> {
        self.with(host, |sidecar| sidecar.calls.clone())
    }

    /// How often a handler of each task type was started.
    pub fn runs(&self, host: &str) -> BTreeMap<String, u32> {
        self.with(host, |sidecar| {
            let mut runs = BTreeMap::new();
            for task in sidecar.tasks.values() {
                *runs.entry(task.type_.clone()).or_default() += task.run;
            }
            runs
        })
    }

    /// Types of tasks whose handler was started more than once under one id.
    pub fn repeated(&self, host: &str) -> Vec<String> {
        self.with(host, |sidecar| {
            sidecar.tasks.values().filter(|task| task.run > 1).map(|task| task.type_.clone()).collect()
        })
    }

    /// Follows its readiness.
    pub fn readiness(&self, host: &str) -> watch::Receiver<bool> {
        self.with(host, |sidecar| sidecar.ready.subscribe())
    }

    fn with<T>(&self, host: &str, look: impl FnOnce(&mut Sidecar) -> T) -> T {
        look(lock(&self.sidecars).entry(host.to_owned()).or_default())
    }
}

fn lock(sidecars: &Sidecars) -> MutexGuard<'_, BTreeMap<String, Sidecar>> {
    sidecars.lock().unwrap_or_else(PoisonError::into_inner)
}
