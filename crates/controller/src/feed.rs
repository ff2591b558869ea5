//! Starts the watches of a scope: each is a separate task that ends with the scope; an error of one does not
//! stop the others.

use std::{hash::Hash, sync::Arc};

use futures::{Stream, StreamExt};
use kube::{
    Api, Client, Resource,
    core::NamespaceResourceScope,
    runtime::{
        reflector::{Store, store::Writer},
        watcher,
    },
};
use tokio::task::JoinSet;

use crate::{
    cache::{Filling, Progress},
    decode::Decoded,
    events::Publisher,
    fill::{Change, fill},
    metrics::Metrics,
    reconciled::Reconciled,
    unreadable::{Names, Reporter, Unreadable},
    watches::{self, WatchHealth},
};

/// Page size of lists: the whole response is in memory, and each of its objects twice.
pub(crate) const PAGE: u32 = 50;

/// The watches of a scope, and their sync state.
pub(crate) struct Feed<'a> {
    pub(crate) client: &'a Client,
    pub(crate) metrics: &'a Arc<Metrics>,
    pub(crate) progress: &'a Progress,
    /// The scope: one namespace, or all of them.
    pub(crate) namespace: Option<&'a str>,
    pub(crate) tasks: &'a mut JoinSet<()>,
}

impl Feed<'_> {
    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        match self.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        }
    }

    /// The events of a kind that the operator reconciles. Objects that cannot be decoded are reported in `events`, and kept
    /// in `names`.
    pub(crate) fn readable<K: Reconciled>(
        &self,
        events: &Publisher,
        store: Store<K>,
        names: Names,
    ) -> impl Stream<Item = watcher::Result<watcher::Event<K>>> + Send + 'static + use<K> {
        let reporter = Reporter {
            client: self.client.clone(),
            metrics: Arc::clone(self.metrics),
            events: events.clone(),
        };
        let mut unreadable = Unreadable::new(reporter, store, names);
        let events = watcher(self.api::<Decoded<K>>(), watcher::Config::default().page_size(PAGE));
        events.filter_map(move |event| {
            std::future::ready(event.map(|event| unreadable.decodable(event)).transpose())
        })
    }

    /// The health of the watch of a kind; `optional` if the kind may not be installed.
    pub(crate) fn health(&self, kind: &'static str) -> WatchHealth {
        let place = self.namespace.map_or("all namespaces".to_owned(), |name| format!("namespace {name}"));
        WatchHealth::new(self.metrics, kind, place, watches::SHARED)
    }

    /// Keeps the store of `writer` up to date, and reports changes.
    pub(crate) fn spawn<K>(
        &mut self,
        kind: &'static str,
        health: WatchHealth,
        events: impl Stream<Item = watcher::Result<watcher::Event<K>>> + Send + 'static,
        writer: Writer<K>,
        changed: impl Fn(Change<'_, K>) + Send + 'static,
    ) where
        K: Resource + Clone + Send + Sync + 'static,
        K::DynamicType: Default + Eq + Hash + Clone + Send + Sync,
    {
        let progress = self.progress.clone();
        progress.note(kind, Filling::Waiting);
        let note = move |filling| progress.note(kind, filling);
        self.tasks.spawn(fill(events, writer, health, note, changed));
    }
}
