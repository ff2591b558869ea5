//! The watches that fill a [`Cache`](crate::cache::Cache). Each is a separate task that ends with the scope; an
//! error of one stops no other. What they receive wakes the affected nodes.

use std::{fmt::Debug, hash::Hash, sync::Arc};

use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::{
    Api, Resource,
    api::PartialObjectMeta,
    core::NamespaceResourceScope,
    runtime::{
        WatchStreamExt,
        reflector::{ObjectRef, store::Writer},
        watcher,
    },
};
use sei_api::{SeiNode, labels};
use tokio::task::JoinSet;

use crate::{
    cache::{Filling, Writers},
    context::Context,
    decode::Decoded,
    fill::{Change, fill},
    packed::{Pack, Packed, pack},
    trim,
    unreadable::Unreadable,
    watches::{self, WatchHealth},
};

/// How many objects are listed at a time: the whole answer is in memory, and each object of it twice.
const PAGE: u32 = 50;

/// ConfigMaps may be large and few of them are the operator's: as many as are held at the same time while they are
/// listed, each of them twice (the answer and the decoded object).
const CONFIG_MAP_PAGE: u32 = 4;

/// Seconds that one watch of Secrets lasts: its connection's buffers hold what was received last, annotations included.
const SECRETS_WATCH: u32 = 30;

/// Starts the watches of the scope of `ctx`: one namespace, or all of them. None of the tasks ends.
pub(crate) fn start(tasks: &mut JoinSet<()>, ctx: &Arc<Context>, writers: Writers, namespace: Option<&str>) {
    let every = || watcher::Config::default().page_size(PAGE);
    let ours = || every().labels(labels::NODE);
    let mut feeds = Feeds { ctx, namespace, tasks };
    feeds.nodes(writers.nodes, every());
    feeds.owned("StatefulSet", writers.stateful_sets, ours(), trim::stateful_set);
    feeds.owned("Service", writers.services, ours(), trim::service);
    feeds.owned("ConfigMap", writers.config_maps, ours().page_size(CONFIG_MAP_PAGE), trim::config_map);
    feeds.owned("PersistentVolumeClaim", writers.claims, ours(), trim::claim);
    feeds.owned("Job", writers.jobs, ours(), trim::job);
    feeds.pods(writers.pods, ours());
    if let Some(writer) = writers.tls_secrets {
        feeds.tls_secrets(writer, every().fields("type=kubernetes.io/tls").timeout(SECRETS_WATCH));
    }
}

struct Feeds<'a> {
    ctx: &'a Arc<Context>,
    namespace: Option<&'a str>,
    tasks: &'a mut JoinSet<()>,
}

impl Feeds<'_> {
    fn nodes(&mut self, writer: Writer<SeiNode>, config: watcher::Config) {
        let ctx = Arc::clone(self.ctx);
        let mut unreadable = Unreadable::new(Arc::clone(&ctx));
        let events = watcher(self.api::<Decoded<SeiNode>>(), config);
        let events = events.filter_map(move |event| {
            let readable = event.map(|event| unreadable.sift(event)).transpose();
            std::future::ready(readable)
        });
        self.spawn("SeiNode", events.modify(trim::node), writer, move |change| match change {
            Change::Present(node) => ctx.wake(ObjectRef::from_obj(node)),
            Change::Gone(node) => ctx.forget(node),
            Change::Recovered => ctx.retry_failed(),
        });
    }

    fn owned<K>(
        &mut self,
        kind: &'static str,
        writer: Writer<Packed<K>>,
        config: watcher::Config,
        trim: fn(&mut K),
    ) where
        K: Pack + Clone + Debug + Send + Sync + 'static,
    {
        let ctx = Arc::clone(self.ctx);
        let events = packed(watcher(self.api::<K>(), config).modify(trim));
        self.spawn(kind, events, writer, move |change| {
            let (Change::Present(object) | Change::Gone(object)) = change else { return };
            ctx.wake_nodes_of(object);
        });
    }

    fn pods(&mut self, writer: Writer<Packed<Pod>>, config: watcher::Config) {
        let ctx = Arc::clone(self.ctx);
        let events = packed(watcher(self.api::<Pod>(), config).modify(trim::pod));
        self.spawn("Pod", events, writer, move |change| {
            let (Change::Present(pod) | Change::Gone(pod)) = change else { return };
            ctx.wake_nodes_of(pod);
            ctx.exclusives.wake_held();
        });
    }

    fn tls_secrets(&mut self, writer: Writer<PartialObjectMeta<Secret>>, config: watcher::Config) {
        let ctx = Arc::clone(self.ctx);
        let events = watcher(self.api::<PartialObjectMeta<Secret>>(), config).modify(trim::secret);
        self.spawn("Secret", events, writer, move |change| {
            let (Change::Present(secret) | Change::Gone(secret)) = change else { return };
            let names_it = |node: &SeiNode| {
                node.spec.tls().is_some_and(|tls| Some(&tls.secret_name) == secret.metadata.name.as_ref())
                    && node.metadata.namespace == secret.metadata.namespace
            };
            let nodes = ctx.cache.nodes.state_filter(names_it);
            nodes.iter().for_each(|node| ctx.wake(ObjectRef::from_obj(&**node)));
        });
    }

    fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        match self.namespace {
            Some(namespace) => Api::namespaced(self.ctx.client.clone(), namespace),
            None => Api::all(self.ctx.client.clone()),
        }
    }

    fn spawn<K>(
        &mut self,
        kind: &'static str,
        events: impl Stream<Item = watcher::Result<watcher::Event<K>>> + Send + 'static,
        writer: Writer<K>,
        changed: impl Fn(Change<'_, K>) + Send + 'static,
    ) where
        K: Resource + Clone + Send + Sync + 'static,
        K::DynamicType: Default + Eq + Hash + Clone + Send + Sync,
    {
        let place = self.namespace.map_or("all namespaces".to_owned(), |name| format!("namespace {name}"));
        let health = WatchHealth::new(&self.ctx.metrics, kind, place, watches::SHARED);
        let progress = self.ctx.cache.progress.clone();
        progress.note(kind, Filling::Waiting);
        let note = move |filling| progress.note(kind, filling);
        self.tasks.spawn(fill(events, writer, health, note, changed));
    }
}

fn packed<K: Pack>(
    events: impl Stream<Item = watcher::Result<watcher::Event<K>>>,
) -> impl Stream<Item = watcher::Result<watcher::Event<Packed<K>>>> {
    events.filter_map(|event| std::future::ready(event.map(pack).transpose()))
}
