//! What is remembered of a group between passes, only to save work. All of it may be lost.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt;
use sei_api::{SeiNode, SeiNodeDeployment};
use sei_deployment::Write;

use crate::written::Latest;

/// Between two writes of the same to one object: another client may be changing it back each time.
const REPEAT: Duration = Duration::from_secs(5);
/// Between two writes of the status: a group of a hundred SeiNodes changes with each of them.
const STATUS: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(crate) struct Memory {
    /// The group as our last write returned it, which the cache may not have yet.
    pub(super) group: Latest<SeiNodeDeployment>,
    pub(super) service: Latest<Service>,
    /// SeiNodes by name.
    nodes: HashMap<String, Latest<SeiNode>>,
    /// The last write to each object.
    last: HashMap<String, (Instant, Write)>,
    status_written: Option<Instant>,
    /// Passes that failed in a row.
    pub(super) failures: u32,
}

impl Memory {
    /// Keeps a SeiNode that a write has just returned.
    pub(super) fn keep_node(&mut self, node: Arc<SeiNode>) {
        self.nodes.entry(node.name_any()).or_default().keep(node);
    }

    /// Drops what is known of a SeiNode that is gone.
    pub(super) fn forget_node(&mut self, name: &str) {
        self.nodes.remove(name);
    }

    /// `cached` with what was written since.
    pub(super) fn newest_nodes(&mut self, cached: Vec<Arc<SeiNode>>) -> Vec<Arc<SeiNode>> {
        let mut found: HashMap<_, _> = cached.into_iter().map(|node| (node.name_any(), node)).collect();
        for (name, latest) in &mut self.nodes {
            if let Some(newest) = latest.newest(found.remove(name)) {
                found.insert(name.clone(), newest);
            }
        }
        self.nodes.retain(|_, latest| latest.is_unseen());
        found.into_values().collect()
    }

    /// Whether something was written that the caches did not have when the group was last observed.
    pub(super) fn has_unseen(&self) -> bool {
        self.service.is_unseen() || !self.nodes.is_empty()
    }

    /// How long to wait before `write` is repeated to `object`. `None` where it may be written now.
    pub(super) fn pause(&self, object: &str, write: &Write) -> Option<Duration> {
        let (at, last) = self.last.get(object)?;
        (last == write).then(|| REPEAT.checked_sub(at.elapsed())).flatten()
    }

    /// Notes a write to `object`.
    pub(super) fn wrote(&mut self, object: &str, write: &Write) {
        self.last.retain(|_, (at, _)| at.elapsed() < REPEAT);
        self.last.insert(object.to_owned(), (Instant::now(), write.clone()));
    }

    /// How long to wait before the next write of the status. `None` where it may be written now.
    pub(super) fn status_pause(&self) -> Option<Duration> {
        STATUS.checked_sub(self.status_written?.elapsed())
    }

    /// Notes a write of the status.
    pub(super) fn wrote_status(&mut self) {
        self.status_written = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(name: &str, version: &str, image: &str) -> Arc<SeiNode> {
        Arc::new(
            serde_json::from_value(json!({
                "metadata": { "name": name, "namespace": "sei", "resourceVersion": version },
                "spec": { "chainId": "pacific-1", "image": image, "fullNode": {} },
            }))
            .unwrap(),
        )
    }

    #[test]
    fn written_nodes_count_until_the_cache_has_them() {
        let mut memory = Memory::default();
        memory.keep_node(node("rpc-1", "20", "seid:b"));
        memory.keep_node(node("rpc-2", "21", "seid:b"));
        let mut images = |cached| {
            let nodes = memory.newest_nodes(cached);
            let mut images: Vec<_> =
                nodes.iter().map(|node| format!("{} {}", node.name_any(), node.spec.image)).collect();
            images.sort();
            (images.join(", "), memory.has_unseen())
        };
        let before = vec![node("rpc-0", "1", "seid:a"), node("rpc-1", "2", "seid:a")];
        assert_eq!(images(before), ("rpc-0 seid:a, rpc-1 seid:b, rpc-2 seid:b".to_owned(), true));
        let after = vec![node("rpc-1", "20", "seid:b"), node("rpc-2", "25", "seid:c")];
        assert_eq!(images(after), ("rpc-1 seid:b, rpc-2 seid:c".to_owned(), false));
    }

    #[test]
    fn a_write_is_not_repeated_at_once_but_another_is_not_delayed() {
        let delete = |uid: &str| Write::Delete { name: "rpc-2".into(), uid: uid.into() };
        let mut memory = Memory::default();
        assert_eq!(memory.pause("SeiNode rpc-2", &delete("a")), None);
        memory.wrote("SeiNode rpc-2", &delete("a"));
        assert!(memory.pause("SeiNode rpc-2", &delete("a")).is_some());
        assert_eq!(memory.pause("SeiNode rpc-2", &delete("b")), None);
        assert_eq!(memory.pause("SeiNode rpc-1", &delete("a")), None);
    }
}
