//! The watches that fill a [`Cache`](crate::cache::Cache). Each is a task of its own that ends with the scope; an
//! error of one stops no other. What they receive wakes the nodes that it matters to.

use std::{collections::HashMap, fmt::Debug, hash::Hash, sync::Arc};

use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::{
    Api, Resource,
    api::PartialObjectMeta,
    core::NamespaceResourceScope,
    runtime::{
        WatchStreamExt,
        reflector::{Lookup, ObjectRef, store::Writer},
        watcher,
    },
};
use sei_api::{SeiNode, labels};
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;

use crate::{
    cache::{Filling, Writers},
    context::Context,
    decode::Decoded,
    trim,
    unreadable::Unreadable,
    watches::{self, WatchHealth},
};

/// ConfigMaps may be large and few of them are the operator's: as many as are held at the same time while they are
/// listed, each of them twice (the answer and the decoded object).
const CONFIG_MAP_PAGE: u32 = 4;

/// Seconds that one watch of Secrets lasts: its connection's buffers hold what was received last, annotations included.
const SECRETS_WATCH: u32 = 30;

/// Starts the watches of the scope of `ctx`: one namespace, or all of them. None of the tasks ends.
pub(crate) fn start(tasks: &mut JoinSet<()>, ctx: &Arc<Context>, writers: Writers, namespace: Option<&str>) {
    let every = watcher::Config::default;
    let ours = || every().labels(labels::NODE);
    let mut feeds = Feeds { ctx, namespace, tasks };
    feeds.nodes(writers.nodes);
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
    fn nodes(&mut self, writer: Writer<SeiNode>) {
        let ctx = Arc::clone(self.ctx);
        let mut unreadable = Unreadable::new(Arc::clone(&ctx));
        let events = watcher(self.api::<Decoded<SeiNode>>(), watcher::Config::default());
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

    fn owned<K>(&mut self, kind: &'static str, writer: Writer<K>, config: watcher::Config, trim: fn(&mut K))
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
        K: Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    {
        let ctx = Arc::clone(self.ctx);
        let events = watcher(self.api::<K>(), config).modify(trim);
        self.spawn(kind, events, writer, move |change| {
            let (Change::Present(object) | Change::Gone(object)) = change else { return };
            ctx.wake_nodes_of(object);
        });
    }

    fn pods(&mut self, writer: Writer<Pod>, config: watcher::Config) {
        let ctx = Arc::clone(self.ctx);
        let events = watcher(self.api::<Pod>(), config).modify(trim::pod);
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

/// What a watch found.
enum Change<'a, K> {
    /// The object is new or was changed.
    Present(&'a K),
    /// The object is gone, or another one has its name.
    Gone(&'a K),
    /// The watch works again after a failure.
    Recovered,
}

/// Keeps a store current for ever, and reports what changes in it, after it did.
async fn fill<K>(
    events: impl Stream<Item = watcher::Result<watcher::Event<K>>>,
    mut writer: Writer<K>,
    mut health: WatchHealth,
    note: impl Fn(Filling),
    changed: impl Fn(Change<'_, K>),
) where
    K: Resource + Clone + 'static,
    K::DynamicType: Default + Eq + Hash + Clone,
{
    let store = writer.as_reader();
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.next().await {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                if watches::is_refused(&error) {
                    note(Filling::Denied);
                }
                tokio::time::sleep(health.failed(&error, fastrand::f64())).await;
                continue;
            }
        };
        let recovered = health.received(&event);
        match &event {
            watcher::Event::Init | watcher::Event::InitApply(_) => writer.apply_watcher_event(&event),
            // A list reports neither deletions nor what stayed as it was.
            watcher::Event::InitDone => {
                let before = by_uid(store.state());
                writer.apply_watcher_event(&event);
                let after = by_uid(store.state());
                note(Filling::Done);
                let stays = |uid: &Option<String>| after.contains_key(uid);
                before.iter().filter(|(uid, _)| !stays(uid)).for_each(|(_, it)| changed(Change::Gone(it)));
                let is_same = |uid, it: &K| {
                    before
                        .get(uid)
                        .is_some_and(|was| was.meta().resource_version == it.meta().resource_version)
                };
                let news = after.iter().filter(|(uid, it)| !is_same(*uid, it));
                news.for_each(|(_, it)| changed(Change::Present(it)));
            }
            watcher::Event::Apply(object) => {
                let before = store.get(&object.to_object_ref(K::DynamicType::default()));
                writer.apply_watcher_event(&event);
                if let Some(before) = before.filter(|before| before.meta().uid != object.meta().uid) {
                    changed(Change::Gone(&before));
                }
                changed(Change::Present(object));
            }
            watcher::Event::Delete(object) => {
                writer.apply_watcher_event(&event);
                changed(Change::Gone(object));
            }
        }
        if recovered {
            changed(Change::Recovered);
        }
    }
}

fn by_uid<K: Resource>(objects: Vec<Arc<K>>) -> HashMap<Option<String>, Arc<K>> {
    objects.into_iter().map(|object| (object.meta().uid.clone(), object)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures::stream;
    use k8s_openapi::api::batch::v1::Job;
    use kube::runtime::watcher::Event::{Apply, Delete, Init, InitApply, InitDone};
    use prometheus_client::registry::Registry;
    use serde_json::json;

    use super::*;
    use crate::metrics::Metrics;

    fn job(name: &str, uid: &str, version: &str) -> Job {
        let metadata = json!({ "name": name, "namespace": "a", "uid": uid, "resourceVersion": version });
        serde_json::from_value(json!({ "metadata": metadata })).unwrap()
    }

    /// What is reported of these events, and how far the store is said to have got.
    async fn reported(
        events: Vec<watcher::Result<watcher::Event<Job>>>,
    ) -> (Vec<(&'static str, String)>, Vec<Filling>) {
        let metrics = Arc::new(Metrics::register(&mut Registry::default()));
        let health = WatchHealth::new(&metrics, "Job", "namespace a".into(), watches::SHARED);
        let (changes, fillings) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
        let writer = Writer::default();
        let store = writer.as_reader();
        let changed = |change: Change<'_, Job>| {
            let stored =
                |job: &Job| store.get(&job.to_object_ref(())).and_then(|job| job.metadata.uid.clone());
            let uid = |job: &Job| job.metadata.uid.clone().unwrap();
            changes.lock().unwrap().push(match change {
                Change::Present(job) => {
                    assert_eq!(stored(job), job.metadata.uid, "it is in the store by then");
                    ("present", uid(job))
                }
                Change::Gone(job) => {
                    assert_ne!(stored(job), job.metadata.uid, "it has left the store by then");
                    ("gone", uid(job))
                }
                Change::Recovered => ("recovered", String::new()),
            });
        };
        let note = |filling| fillings.lock().unwrap().push(filling);
        fill(stream::iter(events), writer, health, note, changed).await;
        (changes.into_inner().unwrap(), fillings.into_inner().unwrap())
    }

    fn change(what: &'static str, uid: &str) -> (&'static str, String) {
        (what, uid.to_owned())
    }

    #[tokio::test]
    async fn what_a_relist_does_not_mention_is_reported_as_gone_and_what_did_not_change_is_not_reported() {
        let list = |jobs: Vec<Job>| {
            [Init].into_iter().chain(jobs.into_iter().map(InitApply)).chain([InitDone]).map(Ok)
        };
        let first = list(vec![job("lost", "u1", "1"), job("same", "u2", "2")]);
        let second = list(vec![job("same", "u2", "2"), job("new", "u3", "9")]);
        let (mut changes, fillings) = reported(first.chain(second).collect()).await;
        changes[..2].sort();
        let expected =
            [change("present", "u1"), change("present", "u2"), change("gone", "u1"), change("present", "u3")];
        assert_eq!(changes, expected);
        assert_eq!(fillings, [Filling::Done, Filling::Done]);
    }

    #[tokio::test]
    async fn an_object_that_took_the_name_of_another_is_told_from_it() {
        let events = [
            Init,
            InitDone,
            Apply(job("a", "u1", "1")),
            Apply(job("a", "u2", "5")),
            Delete(job("a", "u2", "6")),
        ];
        let (changes, _) = reported(events.into_iter().map(Ok).collect()).await;
        let expected =
            [change("present", "u1"), change("gone", "u1"), change("present", "u2"), change("gone", "u2")];
        assert_eq!(changes, expected);
    }

    #[tokio::test]
    async fn a_watch_that_is_refused_is_tried_again_and_reports_its_recovery() {
        let status = kube::core::Status::failure("jobs is forbidden", "Forbidden").with_code(403);
        let refused = watcher::Error::InitialListFailed(kube::Error::Api(status.boxed()));
        let (changes, fillings) =
            reported(vec![Ok(Init), Err(refused), Ok(Init), Ok(InitDone), Ok(Apply(job("a", "u1", "1")))])
                .await;
        assert_eq!(changes, [change("recovered", ""), change("present", "u1")]);
        assert_eq!(fillings, [Filling::Denied, Filling::Done]);
    }
}
