//! The watches that fill a [`Cache`](crate::cache::Cache). Their events requeue the affected nodes, and the
//! groups of changed nodes.

use std::{fmt::Debug, sync::Arc};

use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::{
    api::PartialObjectMeta,
    runtime::{
        WatchStreamExt,
        reflector::{ObjectRef, store::Writer},
        watcher,
    },
};
use sei_api::{SeiNode, labels};
use tokio::task::JoinSet;

use crate::{
    cache::Writers,
    context::Context,
    feed::{Feed, PAGE},
    fill::Change,
    packed::{Pack, Packed, pack},
    trim,
};

/// ConfigMaps may be large and few of them belong to the operator: the page size limits how many are in
/// memory at the same time while they are listed, each of them twice (the response and the decoded object).
const CONFIG_MAP_PAGE: u32 = 4;

/// Duration of one watch of Secrets, in seconds: its connection buffers what was received last, annotations
/// included.
const SECRETS_WATCH: u32 = 30;

/// Starts the watches of the scope of `ctx`. The tasks run until they are aborted.
pub(crate) fn start(tasks: &mut JoinSet<()>, ctx: &Arc<Context>, writers: Writers, namespace: Option<&str>) {
    let every = || watcher::Config::default().page_size(PAGE);
    let ours = || every().labels(labels::NODE);
    let (client, metrics, progress) = (&ctx.client, &ctx.metrics, &ctx.cache.progress);
    let mut feeds = Feeds { ctx, feed: Feed { client, metrics, progress, namespace, tasks } };
    feeds.nodes(writers.nodes);
    feeds.owned("StatefulSet", writers.stateful_sets, ours(), trim::stateful_set, Context::is_own_write);
    feeds.owned("Service", writers.services, ours(), trim::service, Context::is_own_write);
    feeds.owned(
        "ConfigMap",
        writers.config_maps,
        ours().page_size(CONFIG_MAP_PAGE),
        trim::config_map,
        Context::is_own_write,
    );
    feeds.owned("PersistentVolumeClaim", writers.claims, ours(), trim::claim, Context::is_own_write);
    feeds.owned("Job", writers.jobs, ours(), trim::job, |_, _| false);
    feeds.pods(writers.pods, ours());
    if let Some(writer) = writers.tls_secrets {
        feeds.tls_secrets(writer, every().fields("type=kubernetes.io/tls").timeout(SECRETS_WATCH));
    }
}

struct Feeds<'a> {
    ctx: &'a Arc<Context>,
    feed: Feed<'a>,
}

impl Feeds<'_> {
    fn nodes(&mut self, writer: Writer<SeiNode>) {
        let ctx = Arc::clone(self.ctx);
        let (nodes, unreadable) = (ctx.cache.nodes.clone(), ctx.cache.unreadable.clone());
        let events = self.feed.readable(&ctx.events, nodes, unreadable);
        self.feed.spawn(
            "SeiNode",
            self.feed.health("SeiNode"),
            events.modify(trim::node),
            writer,
            move |change| match change {
                Change::Present(node, _) => {
                    if !ctx.confirms_write(node) {
                        ctx.wake(ObjectRef::from_obj(node));
                    }
                    ctx.groups.node_changed(node);
                    ctx.node_tasks.node_changed(node);
                }
                Change::Gone(node) => {
                    ctx.forget(node);
                    ctx.groups.node_gone(node);
                    ctx.node_tasks.node_changed(node);
                }
                Change::Recovered => ctx.retry_failed(),
            },
        );
    }

    fn owned<K>(
        &mut self,
        kind: &'static str,
        writer: Writer<Packed<K>>,
        config: watcher::Config,
        trim: fn(&mut K),
        is_own_write: fn(&Context, &Packed<K>) -> bool,
    ) where
        K: Pack + Clone + Debug + Send + Sync + 'static,
    {
        let ctx = Arc::clone(self.ctx);
        let events = packed(watcher(self.feed.api::<K>(), config).modify(trim));
        self.feed.spawn(kind, self.feed.health(kind), events, writer, move |change| match change {
            Change::Present(object, Some(before)) if object.is_same(before) => {}
            Change::Present(object, _) if is_own_write(&ctx, object) => {}
            Change::Present(object, _) | Change::Gone(object) => ctx.wake_nodes_of(object),
            Change::Recovered => {}
        });
    }

    fn pods(&mut self, writer: Writer<Packed<Pod>>, config: watcher::Config) {
        let ctx = Arc::clone(self.ctx);
        let events = packed(watcher(self.feed.api::<Pod>(), config).modify(trim::pod));
        self.feed.spawn("Pod", self.feed.health("Pod"), events, writer, move |change| {
            match change {
                Change::Present(pod, Some(before)) if pod.is_same(before) => return,
                Change::Present(pod, _) | Change::Gone(pod) => ctx.wake_nodes_of(pod),
                Change::Recovered => return,
            }
            ctx.exclusives.wake_held();
        });
    }

    fn tls_secrets(&mut self, writer: Writer<PartialObjectMeta<Secret>>, config: watcher::Config) {
        let ctx = Arc::clone(self.ctx);
        let events = watcher(self.feed.api::<PartialObjectMeta<Secret>>(), config).modify(trim::secret);
        self.feed.spawn("Secret", self.feed.health("Secret"), events, writer, move |change| {
            let (Change::Present(secret, _) | Change::Gone(secret)) = change else { return };
            let names_it = |node: &SeiNode| {
                node.spec.tls().is_some_and(|tls| Some(&tls.secret_name) == secret.metadata.name.as_ref())
                    && node.metadata.namespace == secret.metadata.namespace
            };
            let nodes = ctx.cache.nodes.state_filter(names_it);
            nodes.iter().for_each(|node| ctx.wake(ObjectRef::from_obj(&**node)));
        });
    }
}

fn packed<K: Pack>(
    events: impl Stream<Item = watcher::Result<watcher::Event<K>>>,
) -> impl Stream<Item = watcher::Result<watcher::Event<Packed<K>>>> {
    events.filter_map(|event| std::future::ready(event.map(pack).transpose()))
}
