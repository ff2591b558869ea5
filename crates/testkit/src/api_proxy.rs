//! A proxy between the operator and an API server that injects faults of the connection: watches that lag,
//! break or are denied. It records the requests.

mod forward;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context;
use axum::{Router, http::Method};
use bytes::Bytes;
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinHandle};

use self::forward::{pass, plural};
use crate::cluster::Cluster;

/// A running proxy; stopped when dropped.
pub struct ApiProxy {
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    upstream: Client,
    orders: Mutex<Orders>,
    /// Counts how often all watches were broken.
    breaks: watch::Sender<u64>,
    requests: Mutex<Vec<Recorded>>,
}

#[derive(Default)]
struct Orders {
    /// Delay of the events of a kind, by its plural; `""` for all other kinds.
    delays: BTreeMap<String, Duration>,
    /// Kinds whose lists and watches are denied, by their plurals.
    denied: BTreeSet<String>,
    /// Kinds whose lists and watches never get a response, by their plurals.
    hung: BTreeSet<String>,
}

/// A request of the operator.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// When it arrived.
    pub at: Instant,
    /// `PATCH` and so on.
    pub method: Method,
    /// Its path.
    pub path: String,
    /// Whether it is a watch.
    pub is_watch: bool,
    /// What it contained.
    pub body: Bytes,
}

impl Recorded {
    /// Method, kind and subresource.
    pub fn summary(&self) -> String {
        let kind = plural(&self.path);
        let subresource = match self.path.rsplit('/').next() {
            Some(last @ ("status" | "token")) => format!("/{last}"),
            _ => String::new(),
        };
        format!("{} {kind}{subresource}", self.method)
    }
}

impl ApiProxy {
    /// Puts a proxy in front of the API server for operators that start from now on.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn in_front_of(cluster: &Cluster) -> anyhow::Result<Self> {
        let path = cluster.operator_kubeconfig();
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let mut kubeconfig: Value = serde_json::from_str(&text)?;
        let mut anonymous = kubeconfig.clone();
        // The caller's token is forwarded.
        anonymous["users"][0]["user"] = json!({});
        let anonymous: Kubeconfig = serde_json::from_value(anonymous)?;
        let mut config = Config::from_custom_kubeconfig(anonymous, &KubeConfigOptions::default()).await?;
        config.default_retry = false;
        let shared = Arc::new(Shared {
            upstream: Client::try_from(config)?,
            orders: Mutex::default(),
            breaks: watch::Sender::new(0),
            requests: Mutex::default(),
        });
        let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let address = listener.local_addr()?;
        kubeconfig["clusters"][0]["cluster"] = json!({ "server": format!("http://{address}") });
        fs::write(&path, kubeconfig.to_string())?;
        let router = Router::new().fallback(pass).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            // Ends with the tests.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { shared, server })
    }

    /// From now on events of the kind `plural` arrive with this delay; `""` means all kinds without a
    /// separate delay.
    pub fn delay(&self, plural: &str, delay: Duration) {
        lock(&self.shared.orders).delays.insert(plural.to_owned(), delay);
    }

    /// From now on the kind `plural` can neither be listed nor watched. Open watches remain.
    pub fn deny(&self, plural: &str) {
        lock(&self.shared.orders).denied.insert(plural.to_owned());
    }

    /// From now on it can be listed and watched.
    pub fn allow(&self, plural: &str) {
        lock(&self.shared.orders).denied.remove(plural);
    }

    /// From now on lists and watches of the kind `plural` never get a response.
    pub fn hang(&self, plural: &str) {
        lock(&self.shared.orders).hung.insert(plural.to_owned());
    }

    /// Ends every open watch with status 410, as an API server does for an expired resource version.
    pub fn break_watches(&self) {
        self.shared.breaks.send_modify(|count| *count += 1);
    }

    /// The kinds that were watched so far, by their plurals.
    pub fn watched(&self) -> BTreeSet<String> {
        let requests = lock(&self.shared.requests);
        let watches = requests.iter().filter(|request| request.is_watch);
        watches.map(|request| plural(&request.path).to_owned()).collect()
    }

    /// The requests since `start`, except watches and requests for leases.
    pub fn requests_since(&self, start: Instant) -> Vec<Recorded> {
        let requests = lock(&self.shared.requests);
        let is_counted = |request: &&Recorded| {
            request.at >= start && !request.is_watch && plural(&request.path) != "leases"
        };
        requests.iter().filter(is_counted).cloned().collect()
    }

    /// The writes among these requests.
    pub fn writes_since(&self, start: Instant) -> Vec<Recorded> {
        self.requests_since(start).into_iter().filter(|request| request.method != Method::GET).collect()
    }
}

impl Drop for ApiProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
