//! Wiring: one controller per scope (all namespaces, or one each), fed by the watches of its cache. None
//! starts before the caches of all scopes have synced or are denied, since nodes are observed across scopes.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{FutureExt, future};
use kube::{Client, runtime::reflector::ObjectRef};
use sei_api::SeiNode;
use sei_sidecar::Transport;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

use crate::{
    cache::{Cache, Filling},
    context::{Context, Options, SecretAccess},
    error::Error,
    events::Publisher,
    exclusives::{Exclusives, Stores},
    feeds, groups,
    metrics::{Controller, Metrics},
    neighbours::{Fleet, Neighbours},
    references::References,
    scope,
    sidecar::{Directory, Permits, Sidecars, Tokens},
};

/// Time limit for active passes once the operator is asked to stop. What is aborted then is resumed by the
/// next process, as after a crash.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(10);
/// How often the operator logs what it waits for at startup.
const PATIENCE: Duration = Duration::from_secs(15);

/// Runs the controller until `shutdown` resolves and the active passes have ended or exceeded their time
/// limit. `ready` is called once, when all caches have synced.
///
/// # Errors
/// [`Error::Ended`] when a watch ends before `shutdown` does, which is a defect.
pub async fn run(
    client: Client,
    options: Options,
    metrics: Arc<Metrics>,
    ready: impl Fn() + Send + Sync + 'static,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    let mut feeds = JoinSet::new();
    let events = Publisher::new(client.clone());
    let scopes = Scopes::watch(&client, &options, &metrics, &events, &mut feeds);
    let shutdown = shutdown.shared();
    let settled = async {
        while tokio::time::timeout(PATIENCE, scopes.settled()).await.is_err() {
            tracing::warn!(kinds = ?scopes.kinds(Filling::Waiting), "waiting for caches to sync");
        }
    };
    tokio::select! {
        () = settled => {}
        // No pass is active yet.
        () = shutdown.clone() => return Ok(()),
        ended = ended(&mut feeds) => return Err(ended),
    }
    let denied = scopes.kinds(Filling::Denied);
    if !denied.is_empty() {
        tracing::error!(kinds = ?denied, "not allowed to list and watch; nodes that depend on these kinds are not reconciled");
    }
    let announced = scopes.synced().then(|()| async move {
        ready();
        future::pending::<()>().await;
    });
    let (stop, stopped) = watch::channel(false);
    let limit = async move {
        shutdown.await;
        let _ = stop.send(true);
        tokio::time::sleep(SHUTDOWN_LIMIT).await;
    };
    let controllers = scopes.run(options.workers.max(1), &stopped);
    let ended = tokio::select! {
        () = announced => Ok(()),
        () = limit => {
            tracing::warn!(seconds = SHUTDOWN_LIMIT.as_secs(), "reconciles did not finish in time and were cancelled");
            Ok(())
        }
        () = controllers => match *stopped.borrow() {
            true => Ok(()),
            false => Err(Error::Ended { what: "the queue of SeiNodes" }),
        },
        ended = ended(&mut feeds) => Err(ended),
    };
    events.flush().await;
    ended
}

/// Resolves when a watch ends, which must not happen.
async fn ended(feeds: &mut JoinSet<()>) -> Error {
    if let Some(Err(error)) = feeds.join_next().await {
        tracing::error!(%error, "a watch panicked");
    }
    Error::Ended { what: "a watch" }
}

type Woken = mpsc::UnboundedReceiver<ObjectRef<SeiNode>>;

/// A context for each scope, with its queues of nodes and groups.
struct Scopes(Vec<Scope>);

struct Scope {
    nodes: Arc<Context>,
    woken_nodes: Woken,
    groups: Arc<groups::Context>,
    woken_groups: groups::Woken,
}

impl Scopes {
    /// Starts the watches of every scope in `feeds`.
    fn watch(
        client: &Client,
        options: &Options,
        metrics: &Arc<Metrics>,
        events: &Publisher,
        feeds: &mut JoinSet<()>,
    ) -> Self {
        // A namespace that is listed twice is one scope: two would reconcile the same nodes.
        let namespaces: BTreeSet<_> = options.namespaces.iter().map(String::as_str).collect();
        let namespaces: Vec<_> = match namespaces.is_empty() {
            true => vec![None],
            false => namespaces.into_iter().map(Some).collect(),
        };
        for controller in [Controller::Nodes, Controller::Groups] {
            metrics.workers(controller, usize::from(options.workers.max(1)) * namespaces.len());
        }
        let all_tls_secrets = options.secret_access == SecretAccess::Watch;
        let caches: Vec<_> = namespaces.iter().map(|_| Cache::new(all_tls_secrets)).collect();
        let stores = namespaces.iter().zip(&caches).map(|(namespace, (cache, _))| Stores {
            namespace: namespace.map(str::to_owned),
            nodes: cache.nodes.clone(),
            stateful_sets: cache.stateful_sets.clone(),
            jobs: cache.jobs.clone(),
            pods: cache.pods.clone(),
            progress: cache.progress.clone(),
        });
        let stores = stores.collect();
        let fleet = namespaces.iter().zip(&caches).map(|(namespace, (cache, _))| Fleet {
            namespace: namespace.map(str::to_owned),
            nodes: cache.nodes.clone(),
            progress: cache.progress.clone(),
        });
        let fleet: Arc<[_]> = fleet.collect();
        let (wakes, woken): (Vec<_>, Vec<_>) = namespaces.iter().map(|_| mpsc::unbounded_channel()).unzip();
        let node_ids = Arc::default();
        let exclusives = Arc::new(Exclusives::new(stores, wakes.clone()));
        let transport = Transport::new(options.connect_to.clone(), Arc::clone(&options.gate));
        let tokens = Tokens::new(client, options.token_file.clone());
        let permits = Permits::default();
        let pace = Arc::default();
        let mut scopes = Vec::new();
        for (((namespace, (cache, writers)), wake), woken) in
            namespaces.into_iter().zip(caches).zip(&wakes).zip(woken)
        {
            let sidecars = Arc::new(Sidecars {
                transport: transport.clone(),
                tokens: tokens.clone(),
                permits: permits.clone(),
                metrics: Arc::clone(metrics),
                wake: wake.clone(),
                directory: Directory::default(),
            });
            let surroundings = groups::Surroundings {
                client: client.clone(),
                platform: &options.platform,
                sidecars: Arc::clone(&sidecars),
                genesis_bucket: options.genesis_bucket.clone(),
                metrics: Arc::clone(metrics),
                events: events.clone(),
            };
            let (groups, group_writers, woken_groups) = groups::Context::new(surroundings, &cache);
            let context = Arc::new(Context {
                client: client.clone(),
                platform: options.platform.clone(),
                sidecars,
                genesis_bucket: options.genesis_bucket.clone(),
                cache,
                references: References::new(client.clone(), wake.clone(), Arc::clone(metrics)),
                neighbours: Neighbours {
                    fleet: Arc::clone(&fleet),
                    wakes: wakes.clone(),
                    node_ids: Arc::clone(&node_ids),
                },
                exclusives: Arc::clone(&exclusives),
                wake: wake.clone(),
                metrics: Arc::clone(metrics),
                events: events.clone(),
                memories: Mutex::default(),
                pace: Arc::clone(&pace),
                groups: Arc::clone(&groups),
            });
            feeds::start(feeds, &context, writers, namespace);
            groups::start(feeds, &groups, group_writers, namespace);
            scopes.push(Scope { nodes: context, woken_nodes: woken, groups, woken_groups });
        }
        Self(scopes)
    }

    /// Runs the controllers until `stopped` is true and they have ended.
    async fn run(self, workers: u16, stopped: &watch::Receiver<bool>) {
        let run = |scope: Scope| {
            let nodes = scope::run(scope.nodes, scope.woken_nodes, workers, stopped.clone());
            future::join(nodes, groups::run(scope.groups, scope.woken_groups, workers, stopped.clone()))
        };
        future::join_all(self.0.into_iter().map(run)).await;
    }

    async fn settled(&self) {
        future::join_all(self.0.iter().map(|scope| scope.nodes.cache.progress.settled())).await;
    }

    fn synced(&self) -> impl Future<Output = ()> + Send + use<> {
        let all: Vec<_> = self.0.iter().map(|scope| scope.nodes.cache.progress.synced()).collect();
        future::join_all(all).map(drop)
    }

    /// Kinds with a store in this state, in any scope.
    fn kinds(&self, filling: Filling) -> BTreeSet<&'static str> {
        self.0.iter().flat_map(|scope| scope.nodes.cache.progress.of(filling)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::{Method, Request, Response};
    use kube::client::Body;
    use prometheus_client::registry::Registry;
    use sei_render::Platform;
    use sei_sidecar::{Error as SidecarError, Gate, TaskRequest};
    use sei_testkit::builders;
    use serde_json::{Value, json};
    use tokio::time::timeout;

    use super::*;
    use crate::testbed;

    fn options(namespaces: &[&str]) -> Options {
        let settings = builders::platform().into_iter().map(|(name, value)| (name.into(), value.into()));
        let platform = Platform::from_settings(&settings.collect()).unwrap();
        Options {
            namespaces: namespaces.iter().map(|name| (*name).into()).collect(),
            ..Options::new(platform)
        }
    }

    fn metrics() -> Arc<Metrics> {
        Arc::new(Metrics::register(&mut Registry::default()))
    }

    /// How SeiNodes of namespace `theirs` are listed.
    #[derive(Clone, Copy, PartialEq)]
    enum Theirs {
        Slow,
        Refused,
        Listed,
    }

    /// An API server with one node in `ours`, which selects peers in `theirs`. Changes are reported, and not answered.
    fn api_server(theirs: watch::Receiver<Theirs>, changes: mpsc::UnboundedSender<String>) -> Client {
        let peers = json!([{ "label": { "selector": { "net": "a" }, "namespace": "theirs" } }]);
        let mut node =
            serde_json::to_value(&*testbed::node("u", json!({ "fullNode": {}, "peers": peers }))).unwrap();
        node["metadata"]["namespace"] = "ours".into();
        let service = tower::service_fn(move |request: Request<Body>| {
            let (mut theirs, changes, node) = (theirs.clone(), changes.clone(), node.clone());
            async move {
                let path = request.uri().path().to_owned();
                if request.method() != Method::GET {
                    let _ = changes.send(path);
                    return future::pending().await;
                }
                if request.uri().query().is_some_and(|query| query.contains("watch=")) {
                    return future::pending().await;
                }
                let mut items: Vec<Value> = Vec::new();
                if path.ends_with("/namespaces/ours/seinodes") {
                    items.push(node);
                }
                let mut answer = (200, json!({ "metadata": { "resourceVersion": "1" }, "items": items }));
                if path.ends_with("/namespaces/theirs/seinodes") {
                    let settled = theirs.wait_for(|theirs| *theirs != Theirs::Slow).await;
                    if settled.is_ok_and(|theirs| *theirs == Theirs::Refused) {
                        answer = testbed::failure(403);
                        answer.1["reason"] = "Forbidden".into();
                    }
                }
                let body = Body::from(answer.1.to_string().into_bytes());
                Ok::<_, Infallible>(Response::builder().status(answer.0).body(body).unwrap())
            }
        });
        Client::new(service, "default")
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_is_not_reconciled_before_the_nodes_of_the_namespace_of_its_peers_are_known() {
        let (theirs, listed) = watch::channel(Theirs::Slow);
        let (changes, mut changed) = mpsc::unbounded_channel();
        let client = api_server(listed, changes);
        tokio::spawn(run(client, options(&["ours", "theirs"]), metrics(), || {}, future::pending()));
        let minute = Duration::from_secs(60);
        for state in [Theirs::Slow, Theirs::Refused] {
            theirs.send_replace(state);
            assert!(timeout(minute, changed.recv()).await.is_err(), "its peers would seem absent");
        }
        theirs.send_replace(Theirs::Listed);
        let first = timeout(10 * minute, changed.recv()).await.expect("it is reconciled then").unwrap();
        assert!(first.ends_with("/namespaces/ours/seinodes/node-0"), "{first}");
    }

    #[derive(Debug)]
    struct Closed;

    impl Gate for Closed {
        fn is_open(&self) -> bool {
            false
        }
    }

    #[tokio::test]
    async fn submissions_to_sidecars_are_behind_the_gate_of_the_options() {
        let client = testbed::client(|_| testbed::failure(404));
        let options = Options { gate: Arc::new(Closed), ..options(&[]) };
        let events = Publisher::new(client.clone());
        let scopes = Scopes::watch(&client, &options, &metrics(), &events, &mut JoinSet::new());
        let sidecar = scopes.0[0].nodes.sidecars.transport.plain("http://127.0.0.1:9").unwrap();
        let task = TaskRequest { id: uuid::Uuid::nil(), type_: "mark-ready".to_owned(), params: None };
        let refused = sidecar.submit(&task).await.unwrap_err();
        assert!(matches!(refused, SidecarError::NotLeading { .. }), "{refused}");
    }
}
