//! How far the seid of each node is, found by the node's name: each actor asks its own, and this is where metrics and groups
//! look. Nothing is kept of a node whose actor has ended.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use kube::runtime::reflector::ObjectRef;
use sei_api::SeiNode;
use sei_decide::SeidStatus;
use sei_deployment::Halt;

/// What has asked a seid.
pub(crate) trait Asked: Send + Sync {
    /// What it said last; `None` while it does not respond.
    fn seid(&self) -> Option<SeidStatus>;

    /// How it stands to the awaited height, from which on it is watched; `None` ends that.
    fn await_halt(&self, awaited: Option<Awaited>) -> Halt;
}

/// The height at which a group waits for the seid of one of its nodes to halt.
#[derive(Clone)]
pub(crate) struct Awaited {
    /// UID of the SeiNode.
    pub(crate) node: String,
    /// The first block that the new image executes.
    pub(crate) height: u64,
    /// Wakes the group.
    pub(crate) changed: Arc<dyn Fn() + Send + Sync>,
}

impl PartialEq for Awaited {
    fn eq(&self, other: &Self) -> bool {
        (&self.node, self.height) == (&other.node, other.height)
    }
}

#[derive(Default)]
struct Sources {
    by_name: BTreeMap<(String, String), Weak<dyn Asked>>,
    /// With more sources than this, those of actors that have ended are dropped. Twice as many as were left the
    /// last time, so that adding many takes linear time.
    limit: usize,
}

/// How far the seid of each node is. Clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Heights(Arc<Mutex<Sources>>);

impl Heights {
    /// From now on `source` asks the seid of `node`.
    pub(crate) fn add(&self, node: &ObjectRef<SeiNode>, source: Weak<dyn Asked>) {
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sources.by_name.insert((node.namespace.clone().unwrap_or_default(), node.name.clone()), source);
        if sources.by_name.len() > sources.limit {
            sources.by_name.retain(|_, source| source.strong_count() > 0);
            sources.limit = 2 * sources.by_name.len();
        }
    }

    /// How the seid of a node stands to the awaited height; see [`Asked::await_halt`].
    pub(crate) fn await_halt(&self, namespace: &str, node: &str, awaited: Option<Awaited>) -> Halt {
        let source = {
            let sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            sources.by_name.get(&(namespace.to_owned(), node.to_owned())).and_then(Weak::upgrade)
        };
        source.map_or(Halt::Unknown, |source| source.await_halt(awaited))
    }

    /// What each seid that responds said last, with namespace and name of its node.
    pub(crate) fn all(&self) -> Vec<(String, String, SeidStatus)> {
        // A panic elsewhere leaves the map whole: every access is one insert or read.
        let sources = self.0.lock().unwrap_or_else(PoisonError::into_inner).by_name.clone();
        let known = sources
            .into_iter()
            .filter_map(|((namespace, name), source)| Some((namespace, name, source.upgrade()?.seid()?)));
        known.collect()
    }
}

impl fmt::Debug for Heights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Silent;

    impl Asked for Silent {
        fn seid(&self) -> Option<SeidStatus> {
            None
        }

        fn await_halt(&self, _: Option<Awaited>) -> Halt {
            Halt::Unknown
        }
    }

    #[test]
    fn sources_of_ended_actors_are_dropped() {
        let (heights, mut live) = (Heights::default(), Vec::<Arc<dyn Asked>>::new());
        let add = |index: usize| {
            let source: Arc<dyn Asked> = Arc::new(Silent);
            heights.add(&ObjectRef::new(&format!("node-{index}")), Arc::downgrade(&source));
            source
        };
        live.extend((0..10).map(add));
        (10..1000).for_each(|index| drop(add(index)));
        let sources = heights.0.lock().unwrap();
        assert!(sources.by_name.len() <= 2 * live.len(), "{}", sources.by_name.len());
        let kept = sources.by_name.values().filter(|source| source.strong_count() > 0).count();
        assert_eq!(kept, live.len());
    }
}
