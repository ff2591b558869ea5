//! Keeps the store of one watch up to date, and reports changes.

use std::{collections::HashMap, hash::Hash, sync::Arc};

use futures::{Stream, StreamExt};
use kube::{
    Resource,
    runtime::{
        reflector::{Lookup, store::Writer},
        watcher,
    },
};

use crate::{
    cache::Filling,
    watches::{self, WatchHealth},
};

/// A change reported by a watch.
pub(crate) enum Change<'a, K> {
    /// The object is new or has changed: its state, and the previous one.
    Present(&'a K, Option<&'a K>),
    /// The object is gone, or was replaced by another one with its name.
    Gone(&'a K),
    /// The watch works again after a failure.
    Recovered,
}

/// Keeps a store up to date, and reports each change after it is in the store.
pub(crate) async fn fill<K>(
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
                } else if health.is_absent(&error) {
                    note(Filling::Absent);
                }
                tokio::time::sleep(health.failed(&error, fastrand::f64())).await;
                continue;
            }
        };
        let recovered = health.received(&event);
        match &event {
            watcher::Event::Init | watcher::Event::InitApply(_) => writer.apply_watcher_event(&event),
            // A list reports neither deletions nor unchanged objects.
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
                news.for_each(|(uid, it)| changed(Change::Present(it, before.get(uid).map(|was| &**was))));
            }
            watcher::Event::Apply(object) => {
                let before = store.get(&object.to_object_ref(K::DynamicType::default()));
                writer.apply_watcher_event(&event);
                let (before, replaced) = match before {
                    Some(before) if before.meta().uid != object.meta().uid => (None, Some(before)),
                    before => (before, None),
                };
                if let Some(replaced) = replaced {
                    changed(Change::Gone(&replaced));
                }
                changed(Change::Present(object, before.as_deref()));
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

    /// The changes that are reported for these events, and the resulting sync state of the store.
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
                Change::Present(job, before) => {
                    let uid_before = before.map(|before| &before.metadata.uid);
                    assert!(uid_before.is_none_or(|uid| *uid == job.metadata.uid), "another object");
                    assert_eq!(stored(job), job.metadata.uid, "it is already in the store");
                    ("present", uid(job))
                }
                Change::Gone(job) => {
                    assert_ne!(stored(job), job.metadata.uid, "it is already removed from the store");
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
    async fn a_relist_reports_missing_objects_as_gone_and_does_not_report_unchanged_ones() {
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
    async fn a_recreated_object_is_distinguished_from_the_deleted_one_with_its_name() {
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
    async fn a_denied_watch_is_retried_and_reports_its_recovery() {
        let status = kube::core::Status::failure("jobs is forbidden", "Forbidden").with_code(403);
        let refused = watcher::Error::InitialListFailed(kube::Error::Api(status.boxed()));
        let (changes, fillings) =
            reported(vec![Ok(Init), Err(refused), Ok(Init), Ok(InitDone), Ok(Apply(job("a", "u1", "1")))])
                .await;
        assert_eq!(changes, [change("recovered", ""), change("present", "u1")]);
        assert_eq!(fillings, [Filling::Denied, Filling::Done]);
    }
}
