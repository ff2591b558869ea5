//! Wiring: one controller per scope (all namespaces, or one each), fed by the watches of its cache.

use std::{collections::BTreeSet, sync::Arc};

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
    events::Publisher,
    exclusives::{Exclusives, Stores},
    feeds, groups,
    memories::Memories,
    metrics::{Controller, Metrics},
    neighbours::{Fleet, Neighbours},
    node_tasks,
    references::References,
    scope,
    sidecar::{Directory, Permits, Sidecars, Tokens},
};

type Woken = mpsc::UnboundedReceiver<ObjectRef<SeiNode>>;

/// A context for each scope, with its queues of nodes, groups and tasks.
pub(crate) struct Scopes(Vec<Scope>);

struct Scope {
    nodes: Arc<Context>,
    woken_nodes: Woken,
    groups: Arc<groups::Context>,
    woken_groups: groups::Woken,
    node_tasks: Arc<node_tasks::Context>,
    woken_tasks: node_tasks::Woken,
}

impl Scopes {
    /// Starts the watches of every scope in `feeds`.
    pub(crate) fn watch(
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
        for controller in [Controller::Nodes, Controller::Groups, Controller::Tasks] {
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
        let group_stores: Vec<_> = namespaces.iter().map(|_| groups::Stores::new()).collect();
        let everywhere: Arc<[_]> = group_stores.iter().map(groups::Stores::published).collect();
        let (wakes, woken): (Vec<_>, Vec<_>) = namespaces.iter().map(|_| mpsc::unbounded_channel()).unzip();
        let (node_ids, turns) = (Arc::default(), Arc::default());
        let exclusives = Arc::new(Exclusives::new(stores, wakes.clone()));
        let transport = Transport::new(options.connect_to.clone(), Arc::clone(&options.gate));
        let tokens = Tokens::new(client, options.token_file.clone());
        let permits = Permits::default();
        let pace = Arc::default();
        let mut scopes = Vec::new();
        for ((((namespace, (cache, writers)), group_stores), wake), woken) in
            namespaces.into_iter().zip(caches).zip(group_stores).zip(&wakes).zip(woken)
        {
            let sidecars = Arc::new(Sidecars {
                transport: transport.clone(),
                tokens: tokens.clone(),
                permits: permits.clone(),
                metrics: Arc::clone(metrics),
                wake: wake.clone(),
                directory: Directory::default(),
            });
            let dependencies = groups::Dependencies {
                client: client.clone(),
                platform: &options.platform,
                sidecars: Arc::clone(&sidecars),
                genesis_bucket: options.genesis_bucket.clone(),
                metrics: Arc::clone(metrics),
                events: events.clone(),
            };
            let (groups, group_writers, woken_groups) =
                groups::Context::new(dependencies, &cache, group_stores, Arc::clone(&everywhere));
            let dependencies = node_tasks::Dependencies {
                client: client.clone(),
                sidecars: Arc::clone(&sidecars),
                metrics: Arc::clone(metrics),
                events: events.clone(),
                wake_nodes: wake.clone(),
            };
            let (node_tasks, task_writer, woken_tasks) = node_tasks::Context::new(dependencies, &cache);
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
                    turns: Arc::clone(&turns),
                },
                exclusives: Arc::clone(&exclusives),
                wake: wake.clone(),
                metrics: Arc::clone(metrics),
                events: events.clone(),
                memories: Memories::default(),
                pace: Arc::clone(&pace),
                groups: Arc::clone(&groups),
                node_tasks: Arc::clone(&node_tasks),
            });
            feeds::start(feeds, &context, writers, namespace);
            groups::start(feeds, &groups, group_writers, namespace);
            node_tasks::start(feeds, &node_tasks, task_writer, namespace);
            scopes.push(Scope {
                nodes: context,
                woken_nodes: woken,
                groups,
                woken_groups,
                node_tasks,
                woken_tasks,
            });
        }
        Self(scopes)
    }

    /// Runs the controllers until `stopped` is true and they have ended.
    pub(crate) async fn run(self, workers: u16, stopped: &watch::Receiver<bool>) {
        let run = |scope: Scope| {
            let nodes = scope::run(scope.nodes, scope.woken_nodes, workers, stopped.clone());
            let groups = groups::run(scope.groups, scope.woken_groups, workers, stopped.clone());
            let tasks = node_tasks::run(scope.node_tasks, scope.woken_tasks, workers, stopped.clone());
            future::join3(nodes, groups, tasks)
        };
        future::join_all(self.0.into_iter().map(run)).await;
    }

    pub(crate) async fn settled(&self) {
        future::join_all(self.0.iter().map(|scope| scope.nodes.cache.progress.settled())).await;
    }

    pub(crate) fn synced(&self) -> impl Future<Output = ()> + Send + use<> {
        let all: Vec<_> = self.0.iter().map(|scope| scope.nodes.cache.progress.synced()).collect();
        future::join_all(all).map(drop)
    }

    /// Kinds with a store in this state in any scope.
    pub(crate) fn kinds(&self, filling: Filling) -> BTreeSet<&'static str> {
        self.0.iter().flat_map(|scope| scope.nodes.cache.progress.of(filling)).collect()
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::registry::Registry;
    use sei_sidecar::{Error as SidecarError, Gate, TaskRequest};

    use super::*;
    use crate::testbed;

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
        let options = Options { gate: Arc::new(Closed), ..Options::new(testbed::platform(&[])) };
        let metrics = Arc::new(Metrics::register(&mut Registry::default()));
        let events = Publisher::new(client.clone());
        let scopes = Scopes::watch(&client, &options, &metrics, &events, &mut JoinSet::new());
        let sidecar = scopes.0[0].nodes.sidecars.transport.plain("http://127.0.0.1:9").unwrap();
        let task = TaskRequest { id: uuid::Uuid::nil(), type_: "mark-ready".to_owned(), params: None };
        let refused = sidecar.submit(&task).await.unwrap_err();
        assert!(matches!(refused, SidecarError::NotLeading { .. }), "{refused}");
    }
}
