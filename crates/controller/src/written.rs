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
const KEEP: Duration = Duration::from_secs(10);

/// What was written of one node.
#[derive(Default)]
pub(crate) struct Writes {
    stateful_set: Option<Write<StatefulSet>>,
    service: Option<Write<Service>>,
    config_map: Option<Write<ConfigMap>>,
}

/// An object as the API server returned it.
pub(crate) struct Write<K> {
    at: Instant,
    object: Arc<K>,
}

/// A kind of which the last write is kept.
pub(crate) trait Written: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone {
    /// Drops what a cache does not keep either.
    fn trim(&mut self);
    /// Where the last write is kept.
    fn place(writes: &mut Writes) -> &mut Option<Write<Self>>;
}

impl Written for StatefulSet {
    fn trim(&mut self) {
        trim::stateful_set(self);
    }

    fn place(writes: &mut Writes) -> &mut Option<Write<Self>> {
        &mut writes.stateful_set
    }
}

impl Written for Service {
    fn trim(&mut self) {
        trim::service(self);
    }

    fn place(writes: &mut Writes) -> &mut Option<Write<Self>> {
        &mut writes.service
    }
}

impl Written for ConfigMap {
    fn trim(&mut self) {
        trim::config_map(self);
    }

    fn place(writes: &mut Writes) -> &mut Option<Write<Self>> {
        &mut writes.config_map
    }
}

impl Writes {
    /// Keeps `object`, which a write has just returned.
    pub(crate) fn keep<K: Written>(&mut self, mut object: K) {
        object.trim();
        *K::place(self) = Some(Write { at: Instant::now(), object: Arc::new(object) });
    }

    /// What is in the cache, or was written after it.
    pub(crate) fn newest<K: Written>(&mut self, cached: Option<Arc<K>>) -> Option<Arc<K>> {
        let place = K::place(self);
        let is_newer = |object: &K| cached.as_deref().is_none_or(|cached| version(object) > version(cached));
        place.take_if(|write| write.at.elapsed() > KEEP || !is_newer(&write.object));
        place.as_ref().map(|write| Arc::clone(&write.object)).or(cached)
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
