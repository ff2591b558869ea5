//! Objects as our own last writes returned them. A cache may not have them yet; without them a pass would take what it
//! has just created for missing.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{ConfigMap, Service},
};
use kube::{Resource, core::NamespaceResourceScope};

use crate::trim;

/// A cache that lags further behind is believed: the object may have been deleted meanwhile.
pub(crate) const KEEP: Duration = Duration::from_secs(10);

/// A version that no object has: applied with it, an object is created, or refused because its name is taken.
pub(crate) const ABSENT: &str = "1";

/// What was written of one node.
#[derive(Default)]
pub(crate) struct Writes {
    stateful_set: Latest<StatefulSet>,
    service: Latest<Service>,
    config_map: Latest<ConfigMap>,
}

/// The last write of an object, for as long as a cache may not have it.
pub(crate) struct Latest<K>(Option<Write<K>>);

/// An object as the API server returned it.
struct Write<K> {
    at: Instant,
    object: Arc<K>,
}

impl<K> Default for Latest<K> {
    fn default() -> Self {
        Self(None)
    }
}

impl<K: Resource> Latest<K> {
    /// Keeps `object`, which a write has just returned.
    pub(crate) fn keep(&mut self, object: Arc<K>) {
        self.0 = Some(Write { at: Instant::now(), object });
    }

    /// What is in the cache, or was written after it.
    pub(crate) fn newest(&mut self, cached: Option<Arc<K>>) -> Option<Arc<K>> {
        let is_newer = |object: &K| cached.as_deref().is_none_or(|cached| version(object) > version(cached));
        self.0.take_if(|write| write.at.elapsed() > KEEP || !is_newer(&write.object));
        self.0.as_ref().map(|write| Arc::clone(&write.object)).or(cached)
    }

    /// Whether the cache did not have it when that was last compared.
    pub(crate) fn is_unseen(&self) -> bool {
        self.0.is_some()
    }
}

/// A kind of which the last write is kept.
pub(crate) trait Written: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone {
    /// Drops what a cache does not keep either.
    fn trim(&mut self);
    /// Where the last write is kept.
    fn place(writes: &mut Writes) -> &mut Latest<Self>;
}

impl Written for StatefulSet {
    fn trim(&mut self) {
        trim::stateful_set(self);
    }

    fn place(writes: &mut Writes) -> &mut Latest<Self> {
        &mut writes.stateful_set
    }
}

impl Written for Service {
    fn trim(&mut self) {
        trim::service(self);
    }

    fn place(writes: &mut Writes) -> &mut Latest<Self> {
        &mut writes.service
    }
}

impl Written for ConfigMap {
    fn trim(&mut self) {
        trim::config_map(self);
    }

    fn place(writes: &mut Writes) -> &mut Latest<Self> {
        &mut writes.config_map
    }
}

impl Writes {
    /// Keeps `object`, which a write has just returned.
    pub(crate) fn keep<K: Written>(&mut self, mut object: K) {
        object.trim();
        K::place(self).keep(Arc::new(object));
    }

    /// What is in the cache, or was written after it.
    pub(crate) fn newest<K: Written>(&mut self, cached: Option<Arc<K>>) -> Option<Arc<K>> {
        K::place(self).newest(cached)
    }
}

/// The resource version of an object; later ones are greater.
pub(crate) fn version(object: &impl Resource) -> Option<u64> {
    object.meta().resource_version.as_ref()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn service(version: &str) -> Service {
        serde_json::from_value(json!({ "metadata": { "name": "rpc-0", "resourceVersion": version } }))
            .unwrap()
    }

    #[test]
    fn what_was_written_counts_until_the_cache_has_it() {
        let mut writes = Writes::default();
        let newest = |writes: &mut Writes, cached: Option<&str>| {
            writes.newest(cached.map(|version| Arc::new(service(version)))).and_then(|found| version(&*found))
        };
        assert_eq!(newest(&mut writes, None), None);
        writes.keep(service("100"));
        assert_eq!(newest(&mut writes, None), Some(100));
        assert_eq!(newest(&mut writes, Some("99")), Some(100));
        assert_eq!(newest(&mut writes, Some("100")), Some(100));
        assert_eq!(newest(&mut writes, None), None, "it was deleted after the cache had it");
    }
}
