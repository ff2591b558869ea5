//! Cached state of the cluster: one store per kind, and whether each has synced. The watches in `feeds` fill
//! them.

use std::collections::BTreeMap;

use futures::future;
use k8s_openapi::api::{
    apps::v1::StatefulSet,
    batch::v1::Job,
    core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret, Service},
};
use kube::{
    api::PartialObjectMeta,
    runtime::reflector::{ObjectRef, Store, store::Writer},
};
use sei_api::SeiNode;
use tokio::sync::watch;

use crate::{packed::Packed, reconciled::Reconciled, unreadable::Names};

/// The stores of one scope: all namespaces, or one.
pub(crate) struct Cache {
    /// SeiNodes that can be decoded.
    pub(crate) nodes: Store<SeiNode>,
    /// SeiNodes that cannot be decoded, which are in no store.
    pub(crate) unreadable: Names,
    /// Their StatefulSets.
    pub(crate) stateful_sets: Store<Packed<StatefulSet>>,
    /// Their Services, bootstrap ones included.
    pub(crate) services: Store<Packed<Service>>,
    /// Their proxy configurations.
    pub(crate) config_maps: Store<Packed<ConfigMap>>,
    /// Their volume claims, except imported ones.
    pub(crate) claims: Store<Packed<PersistentVolumeClaim>>,
    /// Their bootstrap Jobs.
    pub(crate) jobs: Store<Packed<Job>>,
    /// Their pods.
    pub(crate) pods: Store<Packed<Pod>>,
    /// Names and versions of all TLS Secrets; absent if Secrets are watched by name.
    pub(crate) tls_secrets: Option<Store<PartialObjectMeta<Secret>>>,
    pub(crate) progress: Progress,
}

/// The write half of the stores, for the watches of a scope.
pub(crate) struct Writers {
    pub(crate) nodes: Writer<SeiNode>,
    pub(crate) stateful_sets: Writer<Packed<StatefulSet>>,
    pub(crate) services: Writer<Packed<Service>>,
    pub(crate) config_maps: Writer<Packed<ConfigMap>>,
    pub(crate) claims: Writer<Packed<PersistentVolumeClaim>>,
    pub(crate) jobs: Writer<Packed<Job>>,
    pub(crate) pods: Writer<Packed<Pod>>,
    pub(crate) tls_secrets: Option<Writer<PartialObjectMeta<Secret>>>,
}

impl Cache {
    /// Empty stores, and the writers that fill them.
    pub(crate) fn new(all_tls_secrets: bool) -> (Self, Writers) {
        let writers = Writers {
            nodes: Writer::default(),
            stateful_sets: Writer::default(),
            services: Writer::default(),
            config_maps: Writer::default(),
            claims: Writer::default(),
            jobs: Writer::default(),
            pods: Writer::default(),
            tls_secrets: all_tls_secrets.then(Writer::default),
        };
        let cache = Self {
            nodes: writers.nodes.as_reader(),
            unreadable: Names::default(),
            stateful_sets: writers.stateful_sets.as_reader(),
            services: writers.services.as_reader(),
            config_maps: writers.config_maps.as_reader(),
            claims: writers.claims.as_reader(),
            jobs: writers.jobs.as_reader(),
            pods: writers.pods.as_reader(),
            tls_secrets: writers.tls_secrets.as_ref().map(Writer::as_reader),
            progress: Progress::default(),
        };
        (cache, writers)
    }

    /// Whether this SeiNode, not only one with its name, is in the store.
    pub(crate) fn has(&self, node: &SeiNode) -> bool {
        is_in(&self.nodes, node)
    }

    /// A kind that `node` depends on and that the operator may not watch, so that its objects are unknown.
    pub(crate) fn denied(&self, node: &SeiNode) -> Option<&'static str> {
        let only_with_tls = ["ConfigMap", "Secret"];
        let depends = |kind: &&str| node.spec.tls().is_some() || !only_with_tls.contains(kind);
        self.progress.of(Filling::Denied).into_iter().find(depends)
    }
}

/// Sync state of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filling {
    /// Its first list has not completed.
    Waiting,
    /// The API server denies the list.
    Denied,
    /// The cluster lacks the kind, which is optional.
    Absent,
    /// It has synced once, and is kept up to date.
    Done,
}

/// Sync state of the stores of a scope, by kind.
#[derive(Clone, Default)]
pub(crate) struct Progress(watch::Sender<BTreeMap<&'static str, Filling>>);

impl Progress {
    /// Records the state of the store of `kind`. One that has synced remains so.
    pub(crate) fn note(&self, kind: &'static str, filling: Filling) {
        self.0.send_if_modified(|kinds| {
            let known = kinds.entry(kind).or_insert(Filling::Waiting);
            let differs = *known != filling && *known != Filling::Done;
            if differs {
                *known = filling;
            }
            differs
        });
    }

    /// The kinds whose stores are in this state.
    pub(crate) fn of(&self, filling: Filling) -> Vec<&'static str> {
        let kinds = self.0.borrow();
        kinds.iter().filter(|(_, known)| **known == filling).map(|(kind, _)| *kind).collect()
    }

    /// Sync state of the store of `kind`.
    pub(crate) fn get(&self, kind: &str) -> Filling {
        self.0.borrow().get(kind).copied().unwrap_or(Filling::Waiting)
    }

    /// Resolves when waiting longer is pointless: every store has synced or its list is denied.
    pub(crate) fn settled(&self) -> impl Future<Output = ()> + Send + use<> {
        self.until(|filling| filling != Filling::Waiting)
    }

    /// Resolves when every store has synced.
    pub(crate) fn synced(&self) -> impl Future<Output = ()> + Send + use<> {
        self.until(|filling| filling == Filling::Done)
    }

    /// Resolves when the store of `kind` has synced.
    pub(crate) fn filled(&self, kind: &'static str) -> impl Future<Output = ()> + Send + use<> {
        let mut kinds = self.0.subscribe();
        async move {
            let is_filled = |kinds: &BTreeMap<_, _>| kinds.get(kind) == Some(&Filling::Done);
            if kinds.wait_for(is_filled).await.is_err() {
                future::pending::<()>().await;
            }
        }
    }

    fn until(&self, holds: fn(Filling) -> bool) -> impl Future<Output = ()> + Send + use<> {
        let mut kinds = self.0.subscribe();
        async move {
            if kinds.wait_for(|kinds| kinds.values().all(|filling| holds(*filling))).await.is_err() {
                future::pending::<()>().await;
            }
        }
    }
}

/// Whether this object, not only one with its name, is in `store`.
pub(crate) fn is_in<K: Reconciled>(store: &Store<K>, object: &K) -> bool {
    store.get(&ObjectRef::from_obj(object)).is_some_and(|current| current.meta().uid == object.meta().uid)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use serde_json::json;

    use super::*;

    fn node(tls: bool) -> SeiNode {
        let mut spec = json!({ "chainId": "pacific-1", "image": "seid:a", "fullNode": {} });
        if tls {
            spec["sidecar"] = json!({ "tls": { "secretName": "tls" } });
        }
        let metadata = json!({ "name": "node-0", "namespace": "pacific-1" });
        serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap()
    }

    #[test]
    fn a_denied_kind_blocks_only_the_nodes_that_depend_on_it() {
        let (cache, _writers) = Cache::new(true);
        for kind in ["Pod", "Secret"] {
            cache.progress.note(kind, Filling::Waiting);
        }
        assert!(cache.progress.settled().now_or_never().is_none());
        cache.progress.note("Pod", Filling::Done);
        cache.progress.note("Secret", Filling::Denied);
        assert!(cache.progress.settled().now_or_never().is_some());
        assert!(cache.progress.synced().now_or_never().is_none());
        assert_eq!((cache.denied(&node(false)), cache.denied(&node(true))), (None, Some("Secret")));
        // Objects that were listed once stay known, although they may be outdated.
        cache.progress.note("Pod", Filling::Denied);
        assert_eq!(cache.denied(&node(false)), None);
        cache.progress.note("Secret", Filling::Done);
        assert!(cache.progress.synced().now_or_never().is_some());
        assert_eq!(cache.denied(&node(true)), None);
    }
}
