//! Objects in the form in which the caches store them. A decoded pod or StatefulSet takes ten times the memory of its
//! JSON, and only the passes over its node need it.

use std::{marker::PhantomData, sync::Arc};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{
    Resource,
    core::NamespaceResourceScope,
    runtime::{
        reflector::{ObjectRef, Store},
        watcher,
    },
};
use sei_decide::contention::Use;
use serde::{Serialize, de::DeserializeOwned};

use crate::{trim, wrapper::impl_resource};

/// A kind that is cached as JSON.
pub(crate) trait Pack:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Serialize + DeserializeOwned
{
    /// What the object uses exclusively. Kept decoded, since all objects are searched for it.
    fn exclusive_use(&self) -> Option<Use> {
        None
    }
}

/// An object of type `K`: its lookup keys, and the rest as JSON.
pub(crate) struct Packed<K> {
    metadata: ObjectMeta,
    nodes: Arc<[String]>,
    exclusive_use: Option<Arc<Use>>,
    /// Without the resource version.
    json: Arc<[u8]>,
    kind: PhantomData<fn() -> K>,
}

impl<K: Pack> Packed<K> {
    /// `None` for an object that cannot be serialized, which objects of the API server always can.
    fn new(mut object: K) -> Option<Self> {
        let resource_version = object.meta_mut().resource_version.take();
        let metadata = object.meta();
        Some(Self {
            nodes: trim::nodes_of(&object).map(str::to_owned).collect(),
            exclusive_use: object.exclusive_use().map(Arc::new),
            json: serde_json::to_vec(&object).ok()?.into(),
            metadata: ObjectMeta {
                name: metadata.name.clone(),
                namespace: metadata.namespace.clone(),
                uid: metadata.uid.clone(),
                resource_version,
                ..ObjectMeta::default()
            },
            kind: PhantomData,
        })
    }

    /// The object.
    pub(crate) fn unpack(&self) -> Option<K> {
        let mut object: K = serde_json::from_slice(&self.json).ok()?;
        object.meta_mut().resource_version.clone_from(&self.metadata.resource_version);
        Some(object)
    }

    /// Whether `other` differs at most in its resource version: what changed is not cached.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.json == other.json
    }

    /// Names of the SeiNodes that it may affect.
    pub(crate) fn nodes(&self) -> &[String] {
        &self.nodes
    }

    /// What it uses exclusively.
    pub(crate) fn exclusive_use(&self) -> Option<&Use> {
        self.exclusive_use.as_deref()
    }
}

/// An event of a watch, with its object packed.
pub(crate) fn pack<K: Pack>(event: watcher::Event<K>) -> Option<watcher::Event<Packed<K>>> {
    Some(match event {
        watcher::Event::Init => watcher::Event::Init,
        watcher::Event::InitDone => watcher::Event::InitDone,
        watcher::Event::InitApply(object) => watcher::Event::InitApply(Packed::new(object)?),
        watcher::Event::Apply(object) => watcher::Event::Apply(Packed::new(object)?),
        watcher::Event::Delete(object) => watcher::Event::Delete(Packed::new(object)?),
    })
}

/// Reads one object from a store.
pub(crate) fn get<K: Pack + 'static>(
    store: &Store<Packed<K>>,
    namespace: &str,
    name: &str,
) -> Option<Arc<K>> {
    let packed = store.get(&ObjectRef::new(name).within(namespace))?;
    packed.unpack().map(Arc::new)
}

impl<K> Clone for Packed<K> {
    fn clone(&self) -> Self {
        Self {
            metadata: self.metadata.clone(),
            nodes: Arc::clone(&self.nodes),
            exclusive_use: self.exclusive_use.clone(),
            json: Arc::clone(&self.json),
            kind: PhantomData,
        }
    }
}

impl_resource!(Packed<K: Pack>);

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Service;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_unpacked_object_is_unchanged_and_found_by_its_name() {
        let service: Service = serde_json::from_value(json!({
            "metadata": {
                "name": "node-0", "namespace": "pacific-1", "uid": "u", "resourceVersion": "7",
                "labels": { "sei.io/node": "node-0" },
            },
            "spec": { "clusterIP": "None", "ports": [{ "port": 26657 }] },
        }))
        .unwrap();
        let packed = Packed::new(service.clone()).unwrap();
        assert_eq!(packed.unpack().unwrap(), service);
        assert_eq!(packed.nodes(), ["node-0"]);
        assert_eq!(packed.metadata.resource_version.as_deref(), Some("7"));
        assert_eq!(ObjectRef::from_obj(&packed), ObjectRef::new("node-0").within("pacific-1"));
    }

    #[test]
    fn objects_that_differ_only_in_their_resource_version_are_the_same() {
        let packed = |version: &str, ip: &str| {
            let metadata = json!({ "name": "node-0", "resourceVersion": version });
            let service: Service =
                serde_json::from_value(json!({ "metadata": metadata, "spec": { "clusterIP": ip } })).unwrap();
            Packed::new(service).unwrap()
        };
        let first = packed("7", "None");
        assert!(first.is_same(&packed("8", "None")));
        assert!(!first.is_same(&packed("8", "10.0.0.1")));
    }
}
