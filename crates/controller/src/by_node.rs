//! Per-node state owned elsewhere, looked up by the node's name for as long as its owner keeps it alive.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use kube::runtime::reflector::ObjectRef;
use sei_api::SeiNode;

/// Namespace and name.
type Name = (String, String);

/// One entry for each node.
pub(crate) struct ByNode<T: ?Sized>(Mutex<Entries<T>>);

struct Entries<T: ?Sized> {
    entries: BTreeMap<Name, Weak<T>>,
    /// Above this number of entries, those that nothing keeps alive are dropped. It is set to twice the number left
    /// after the last cleanup, so that adding many entries takes linear time.
    limit: usize,
}

impl<T: ?Sized> Default for ByNode<T> {
    fn default() -> Self {
        Self(Mutex::new(Entries { entries: BTreeMap::new(), limit: 0 }))
    }
}

impl<T: ?Sized> ByNode<T> {
    /// Registers `entry` as that of `node`.
    pub(crate) fn add(&self, node: &ObjectRef<SeiNode>, entry: Weak<T>) {
        let mut all = self.lock();
        all.entries.insert(name(node), entry);
        if all.entries.len() > all.limit {
            all.entries.retain(|_, entry| entry.strong_count() > 0);
            all.limit = 2 * all.entries.len();
        }
    }

    /// The entry of `node`, if something keeps it alive.
    pub(crate) fn get(&self, node: &ObjectRef<SeiNode>) -> Option<Arc<T>> {
        self.lock().entries.get(&name(node))?.upgrade()
    }

    /// All entries that something keeps alive, with the names of their nodes.
    pub(crate) fn all(&self) -> Vec<(Name, Arc<T>)> {
        let all = self.lock();
        let kept = all.entries.iter().filter_map(|(name, entry)| Some((name.clone(), entry.upgrade()?)));
        kept.collect()
    }

    fn lock(&self) -> MutexGuard<'_, Entries<T>> {
        // A panic elsewhere cannot leave the map inconsistent: every access is one insert or read.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn name(node: &ObjectRef<SeiNode>) -> Name {
    (node.namespace.clone().unwrap_or_default(), node.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unreferenced_entries_are_dropped() {
        let (entries, mut live) = (ByNode::default(), Vec::new());
        let add = |index: usize| {
            let entry = Arc::new(index);
            entries.add(&ObjectRef::new(&format!("node-{index}")), Arc::downgrade(&entry));
            entry
        };
        live.extend((0..10).map(&add));
        (10..1000).for_each(|index| drop(add(index)));
        let kept = entries.lock().entries.len();
        assert!(kept <= 2 * live.len(), "{kept}");
        assert_eq!(entries.all().len(), live.len());
        assert_eq!(entries.get(&ObjectRef::new("node-3")).as_deref(), Some(&3));
        assert_eq!(entries.get(&ObjectRef::new("node-30")), None);
    }
}
