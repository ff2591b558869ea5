//! Objects as returned by the operator's last writes. They may not be in a cache yet; without them, a pass would
//! consider an object that it has just created missing.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{ConfigMap, PersistentVolumeClaim, Service},
};
use kube::{Resource, core::NamespaceResourceScope};

use crate::trim;

/// After this time the cache is trusted again: the object may have been deleted in the meantime.
pub(crate) const KEEP: Duration = Duration::from_secs(10);

/// A version that no object has: with it, apply creates the object or is refused because the name is taken.
pub(crate) const ABSENT: &str = "1";

/// The last writes of one node.
#[derive(Default)]
pub(crate) struct Writes {
    stateful_set: Latest<StatefulSet>,
    service: Latest<Service>,
    config_map: Latest<ConfigMap>,
    claim: Latest<PersistentVolumeClaim>,
}

/// The last write of an object, as long as it may not be in a cache.
pub(crate) struct Latest<K>(Option<Write<K>>);

/// An object as returned by the API server.
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
    /// Stores `object`, as returned by a write.
    pub(crate) fn keep(&mut self, object: Arc<K>) {
        self.0 = Some(Write { at: Instant::now(), object });
    }

    /// The cached object, or the newer one that was written.
    pub(crate) fn newest(&mut self, cached: Option<Arc<K>>) -> Option<Arc<K>> {
        let is_newer = |object: &K| cached.as_deref().is_none_or(|cached| version(object) > version(cached));
        self.0.take_if(|write| write.at.elapsed() > KEEP || !is_newer(&write.object));
        self.0.as_ref().map(|write| Arc::clone(&write.object)).or(cached)
    }

    /// Whether the write led to `version`.
    pub(crate) fn is(&self, version: Option<&String>) -> bool {
        self.0.as_ref().is_some_and(|write| write.object.meta().resource_version.as_ref() == version)
    }

    /// Whether it was missing in the cache when they were last compared.
    pub(crate) fn is_uncached(&self) -> bool {
        self.0.is_some()
    }
}

/// A kind whose last write is remembered.
pub(crate) trait Written: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone {
    /// Drops the parts that are not cached.
    fn trim(&mut self);
    /// Where the last write is stored.
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

impl Written for PersistentVolumeClaim {
    fn trim(&mut self) {
        trim::claim(self);
    }

    fn place(writes: &mut Writes) -> &mut Latest<Self> {
        &mut writes.claim
    }
}

impl Writes {
    /// Stores `object`, as returned by a write.
    pub(crate) fn keep<K: Written>(&mut self, mut object: K) {
        object.trim();
        K::place(self).keep(Arc::new(object));
    }

    /// Whether the last write of an object led to `version`.
    pub(crate) fn led_to<K: Written>(&mut self, version: Option<&String>) -> bool {
        K::place(self).is(version)
    }

    /// The cached object, or the newer one that was written.
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
    fn a_written_object_is_used_until_the_cache_has_it() {
        let mut writes = Writes::default();
        let newest = |writes: &mut Writes, cached: Option<&str>| {
            writes.newest(cached.map(|version| Arc::new(service(version)))).and_then(|found| version(&*found))
        };
        assert_eq!(newest(&mut writes, None), None);
        writes.keep(service("100"));
        assert_eq!(newest(&mut writes, None), Some(100));
        assert_eq!(newest(&mut writes, Some("99")), Some(100));
        assert_eq!(newest(&mut writes, Some("100")), Some(100));
        assert_eq!(newest(&mut writes, None), None, "it was deleted after it was in the cache");
        writes.keep(service("101"));
        let mut led_to = |version: &str| writes.led_to::<Service>(Some(&version.to_owned()));
        assert_eq!((led_to("102"), led_to("101")), (false, true));
    }
}
