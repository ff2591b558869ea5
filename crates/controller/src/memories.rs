//! State that is kept for each object of a kind between its passes, and how many of them failed in a row. It only saves
//! work, and may be lost.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use kube::{
    ResourceExt,
    runtime::reflector::{ObjectRef, Store},
};

use crate::reconciled::Reconciled;

/// Memories of type `M`, by the UID of their object.
#[derive(Default)]
pub(crate) struct Memories<M>(Mutex<HashMap<String, Entry<M>>>);

#[derive(Default)]
struct Entry<M> {
    memory: M,
    /// Number of failed passes in a row.
    failures: u32,
}

impl<M: Default> Memories<M> {
    /// Accesses the memory of `object`.
    pub(crate) fn with<T>(&self, object: &impl ResourceExt, with: impl FnOnce(&mut M) -> T) -> T {
        with(&mut self.lock().entry(object.uid().unwrap_or_default()).or_default().memory)
    }

    /// Drops the memory of a deleted object.
    pub(crate) fn forget(&self, object: &impl ResourceExt) {
        self.lock().remove(&object.uid().unwrap_or_default());
    }

    /// Counts a pass over `object`. Returns how many have failed in a row.
    pub(crate) fn ended(&self, object: &impl ResourceExt, succeeded: bool) -> u32 {
        let mut memories = self.lock();
        let entry = memories.entry(object.uid().unwrap_or_default()).or_default();
        entry.failures = if succeeded { 0 } else { entry.failures.saturating_add(1) };
        entry.failures
    }

    /// The objects of `store` whose last pass failed.
    pub(crate) fn failing<K: Reconciled>(&self, store: &Store<K>) -> Vec<ObjectRef<K>> {
        let failed = |object: &K| {
            let uid = object.uid().unwrap_or_default();
            self.lock().get(&uid).is_some_and(|entry| entry.failures > 0)
        };
        store.state_filter(failed).iter().map(|object| ObjectRef::from_obj(&**object)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry<M>>> {
        // A panic elsewhere cannot leave the map inconsistent: every access is one insert, read or remove.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The UIDs of the objects, with the number of failed passes.
    #[cfg(test)]
    pub(crate) fn failures(&self) -> Vec<(String, u32)> {
        self.lock().iter().map(|(uid, entry)| (uid.clone(), entry.failures)).collect()
    }
}
