//! What the operator knows of the cluster without asking: one reflector a kind, limited to objects that carry
//! the node label, stripped of what nobody reads.

use std::{fmt::Debug, hash::Hash};

use futures::{Stream, StreamExt, TryStreamExt, future, stream::BoxStream};
use k8s_openapi::api::{
    apps::v1::StatefulSet,
    batch::v1::Job,
    core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret, Service},
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::PartialObjectMeta,
    core::NamespaceResourceScope,
    runtime::{
        WatchStreamExt, reflector,
        reflector::{ObjectRef, Store},
        watcher,
    },
};
use sei_api::{SeiNode, labels};
use serde::de::DeserializeOwned;
use tokio::sync::watch;

/// Changes of one kind, to be merged into the triggers of a controller.
pub(crate) type Changes<K> = BoxStream<'static, Result<K, watcher::Error>>;

/// The stores of one scope: all namespaces, or one.
pub(crate) struct Cache {
    /// SeiNodes.
    pub(crate) nodes: Store<SeiNode>,
    /// Their StatefulSets.
    pub(crate) stateful_sets: Store<StatefulSet>,
    /// Their Services, bootstrap ones included.
    pub(crate) services: Store<Service>,
    /// Their proxy configurations.
    pub(crate) config_maps: Store<ConfigMap>,
    /// Their volume claims; imported ones are not among them.
    pub(crate) claims: Store<PersistentVolumeClaim>,
    /// Their bootstrap Jobs.
    pub(crate) jobs: Store<Job>,
    /// Their pods.
    pub(crate) pods: Store<Pod>,
    /// Names and versions of all TLS Secrets, without their data; absent where Secrets are watched by name.
    pub(crate) tls_secrets: Option<Store<PartialObjectMeta<Secret>>>,
    /// How many stores have not been filled yet.
    unfilled: Unfilled,
}

type Unfilled = watch::Sender<usize>;

/// The change streams that feed a [`Cache`]. They must be polled for the stores to fill.
pub(crate) struct Feeds {
    pub(crate) nodes: Changes<SeiNode>,
    pub(crate) stateful_sets: Changes<StatefulSet>,
    pub(crate) services: Changes<Service>,
    pub(crate) config_maps: Changes<ConfigMap>,
    pub(crate) claims: Changes<PersistentVolumeClaim>,
    pub(crate) jobs: Changes<Job>,
    pub(crate) pods: Changes<Pod>,
    pub(crate) tls_secrets: Option<Changes<PartialObjectMeta<Secret>>>,
}

impl Cache {
    /// Watches one namespace, or all of them.
    pub(crate) fn watch(client: &Client, namespace: Option<&str>, all_tls_secrets: bool) -> (Self, Feeds) {
        let unfilled = Unfilled::new(if all_tls_secrets { 8 } else { 7 });
        let every = watcher::Config::default;
        let ours = || every().labels(labels::NODE);
        let (nodes, node_feed) = feed(api(client, namespace), every(), false, &unfilled);
        let (stateful_sets, stateful_set_feed) = feed(api(client, namespace), ours(), true, &unfilled);
        let (services, service_feed) = feed(api(client, namespace), ours(), false, &unfilled);
        let (config_maps, config_map_feed) = feed(api(client, namespace), ours(), false, &unfilled);
        let (claims, claim_feed) = feed(api(client, namespace), ours(), false, &unfilled);
        let (jobs, job_feed) = feed(api(client, namespace), ours(), false, &unfilled);
        let (pods, pod_feed) = feed(api(client, namespace), ours(), false, &unfilled);
        let (tls_secrets, tls_secret_feed) = all_tls_secrets
            .then(|| {
                let tls = every().fields("type=kubernetes.io/tls");
                feed(api::<PartialObjectMeta<Secret>>(client, namespace), tls, false, &unfilled)
            })
            .unzip();
        let cache =
            Self { nodes, stateful_sets, services, config_maps, claims, jobs, pods, tls_secrets, unfilled };
        let feeds = Feeds {
            nodes: node_feed,
            stateful_sets: stateful_set_feed,
            services: service_feed,
            config_maps: config_map_feed,
            claims: claim_feed,
            jobs: job_feed,
            pods: pod_feed,
            tls_secrets: tls_secret_feed,
        };
        (cache, feeds)
    }
}

impl Cache {
    /// Resolves when every store has been filled once.
    ///
    /// [`Store::wait_until_ready`] does not serve here: of several that wait for one store it wakes only the
    /// last, and the controller waits too.
    pub(crate) fn synced(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut unfilled = self.unfilled.subscribe();
        async move {
            if unfilled.wait_for(|left| *left == 0).await.is_err() {
                future::pending::<()>().await;
            }
        }
    }
}

/// One object out of a store.
pub(crate) fn get<K>(store: &Store<K>, namespace: &str, name: &str) -> Option<std::sync::Arc<K>>
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + 'static,
    K::DynamicType: Default + Eq + Hash + Clone,
{
    store.get(&ObjectRef::new(name).within(namespace))
}

fn api<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<Scope = NamespaceResourceScope>,
    K::DynamicType: Default,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

fn feed<K>(
    api: Api<K>,
    config: watcher::Config,
    keep_managers: bool,
    unfilled: &Unfilled,
) -> (Store<K>, Changes<K>)
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    K::DynamicType: Default + Eq + Hash + Clone + Send,
{
    let (store, writer) = reflector::store();
    let mut left = Some(unfilled.clone());
    let changes: Changes<K> = reflector(writer, trimmed(watcher(api, config), keep_managers))
        // What comes out of the reflector is in the store.
        .inspect_ok(move |event| {
            if matches!(event, watcher::Event::InitDone)
                && let Some(left) = left.take()
            {
                left.send_modify(|left| *left -= 1);
            }
        })
        .default_backoff()
        .touched_objects()
        .boxed();
    (store, changes)
}

/// Managed fields are half of an object's size. Only drift detection on StatefulSets reads them.
fn trimmed<K: Resource + Clone + 'static>(
    events: impl Stream<Item = watcher::Result<watcher::Event<K>>> + Send + 'static,
    keep_managers: bool,
) -> impl Stream<Item = watcher::Result<watcher::Event<K>>> + Send + 'static {
    events.modify(move |object| {
        if !keep_managers {
            object.managed_fields_mut().clear();
        }
    })
}
