//! How far the seid of each node is, found by the node's name: each actor asks its own, and this is where those who need
//! several look. Nothing is kept of a node whose actor has ended.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use kube::runtime::reflector::ObjectRef;
use sei_api::SeiNode;
use sei_decide::SeidStatus;

/// What has asked a seid.
pub(crate) trait Asked: Send + Sync {
    /// What it said last; `None` while it does not respond.
    fn seid(&self) -> Option<SeidStatus>;
}

type Sources = BTreeMap<(String, String), Weak<dyn Asked>>;

/// How far the seid of each node is. Clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Heights(Arc<Mutex<Sources>>);

impl Heights {
    /// From now on `source` asks the seid of `node`.
    pub(crate) fn add(&self, node: &ObjectRef<SeiNode>, source: Weak<dyn Asked>) {
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sources.retain(|_, source| source.strong_count() > 0);
        sources.insert((node.namespace.clone().unwrap_or_default(), node.name.clone()), source);
    }

    /// What each seid that responds said last, with namespace and name of its node.
    pub(crate) fn all(&self) -> Vec<(String, String, SeidStatus)> {
        // A panic elsewhere leaves the map whole: every access is one insert or read.
        let sources = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
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
