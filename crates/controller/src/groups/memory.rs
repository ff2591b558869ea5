//! State of a group between reconciles. It only saves work, and may be lost.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use k8s_openapi::api::{core::v1::Service, policy::v1::PodDisruptionBudget};
use kube::{Resource, ResourceExt, core::NamespaceResourceScope};
use sei_api::{SeiNode, SeiNodeDeployment};
use sei_deployment::{HTTPRoute, Write};
use serde::de::DeserializeOwned;

use crate::{sidecar::Watched, trim, written::Latest};

/// Interval between identical writes to one object: another client may be reverting them.
const REPEAT: Duration = Duration::from_secs(5);
/// Interval between writes of the status: a group of a hundred SeiNodes changes with each of them.
const STATUS: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(crate) struct Memory {
    /// The group as returned by the last write, which the cache may not have yet.
    pub(super) group: Latest<SeiNodeDeployment>,
    nodes: ByName<SeiNode>,
    services: ByName<Service>,
    budgets: ByName<PodDisruptionBudget>,
    routes: ByName<HTTPRoute>,
    /// The last write to each object.
    last: HashMap<String, (Instant, Write)>,
    status_written: Option<Instant>,
    /// The actor that follows the assembly of the genesis.
    pub(super) assembly: Option<Watched>,
}

/// Objects as returned by the last writes, by name.
pub(super) type ByName<K> = HashMap<String, Latest<K>>;

/// A kind that groups write.
pub(super) trait Written:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + std::fmt::Debug + DeserializeOwned
{
    /// Removes fields that the caches do not keep either.
    fn trim(&mut self);
    /// The stored last writes of this kind.
    fn slot(memory: &mut Memory) -> &mut ByName<Self>;
}

impl Written for SeiNode {
    fn trim(&mut self) {
        trim::node(self);
    }

    fn slot(memory: &mut Memory) -> &mut ByName<Self> {
        &mut memory.nodes
    }
}

impl Written for Service {
    fn trim(&mut self) {
        trim::group_service(self);
    }

    fn slot(memory: &mut Memory) -> &mut ByName<Self> {
        &mut memory.services
    }
}

impl Written for PodDisruptionBudget {
    fn trim(&mut self) {
        trim::budget(self);
    }

    fn slot(memory: &mut Memory) -> &mut ByName<Self> {
        &mut memory.budgets
    }
}

impl Written for HTTPRoute {
    fn trim(&mut self) {
        trim::route(self);
    }

    fn slot(memory: &mut Memory) -> &mut ByName<Self> {
        &mut memory.routes
    }
}

impl Memory {
    /// Stores an object that a write has returned.
    pub(super) fn keep<K: Written>(&mut self, mut object: K) {
        object.trim();
        K::slot(self).entry(object.name_any()).or_default().keep(Arc::new(object));
    }

    /// Removes a stored object that was deleted.
    pub(super) fn forget<K: Written>(&mut self, name: &str) {
        K::slot(self).remove(name);
    }

    /// `cached`, updated with later writes.
    pub(super) fn newest<K: Written>(&mut self, cached: Vec<Arc<K>>) -> Vec<Arc<K>> {
        let mut found: HashMap<_, _> = cached.into_iter().map(|object| (object.name_any(), object)).collect();
        let written = K::slot(self);
        for (name, latest) in written.iter_mut() {
            if let Some(newest) = latest.newest(found.remove(name)) {
                found.insert(name.clone(), newest);
            }
        }
        written.retain(|_, latest| latest.is_uncached());
        found.into_values().collect()
    }

    /// Whether there are writes that the caches did not have when the group was last observed.
    pub(super) fn has_uncached(&self) -> bool {
        !(self.nodes.is_empty()
            && self.services.is_empty()
            && self.budgets.is_empty()
            && self.routes.is_empty())
    }

    /// Time to wait before `write` to `object` is repeated. `None` if it may be written now.
    pub(super) fn pause(&self, object: &str, write: &Write) -> Option<Duration> {
        let (at, last) = self.last.get(object)?;
        (last == write).then(|| REPEAT.checked_sub(at.elapsed())).flatten()
    }

    /// Records a write to `object`.
    pub(super) fn record_write(&mut self, object: &str, write: &Write) {
        self.last.retain(|_, (at, _)| at.elapsed() < REPEAT);
        self.last.insert(object.to_owned(), (Instant::now(), write.clone()));
    }

    /// Time to wait before the next write of the status. `None` if it may be written now.
    pub(super) fn status_pause(&self) -> Option<Duration> {
        STATUS.checked_sub(self.status_written?.elapsed())
    }

    /// Records a write of the status.
    pub(super) fn wrote_status(&mut self) {
        self.status_written = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(name: &str, version: &str, image: &str) -> SeiNode {
        serde_json::from_value(json!({
            "metadata": { "name": name, "namespace": "sei", "resourceVersion": version },
            "spec": { "chainId": "pacific-1", "image": image, "fullNode": {} },
        }))
        .unwrap()
    }

    #[test]
    fn written_nodes_count_until_the_cache_has_them() {
        let mut memory = Memory::default();
        memory.keep(node("rpc-1", "20", "seid:b"));
        memory.keep(node("rpc-2", "21", "seid:b"));
        let mut images = |cached: Vec<SeiNode>| {
            let nodes = memory.newest(cached.into_iter().map(Arc::new).collect());
            let mut images: Vec<_> =
                nodes.iter().map(|node| format!("{} {}", node.name_any(), node.spec.image)).collect();
            images.sort();
            (images.join(", "), memory.has_uncached())
        };
        let before = vec![node("rpc-0", "1", "seid:a"), node("rpc-1", "2", "seid:a")];
        assert_eq!(images(before), ("rpc-0 seid:a, rpc-1 seid:b, rpc-2 seid:b".to_owned(), true));
        let after = vec![node("rpc-1", "20", "seid:b"), node("rpc-2", "25", "seid:c")];
        assert_eq!(images(after), ("rpc-1 seid:b, rpc-2 seid:c".to_owned(), false));
    }

    #[test]
    fn the_same_write_is_delayed_and_a_different_one_is_not() {
        let delete = |uid: &str| Write::Delete { name: "rpc-2".into(), uid: uid.into() };
        let mut memory = Memory::default();
        assert_eq!(memory.pause("SeiNode rpc-2", &delete("a")), None);
        memory.record_write("SeiNode rpc-2", &delete("a"));
        assert!(memory.pause("SeiNode rpc-2", &delete("a")).is_some());
        assert_eq!(memory.pause("SeiNode rpc-2", &delete("b")), None);
        assert_eq!(memory.pause("SeiNode rpc-1", &delete("a")), None);
    }
}
