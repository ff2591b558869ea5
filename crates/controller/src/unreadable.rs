//! Objects that cannot be decoded: stored by another version of the CRD, or with weaker rules. Only that
//! object is not reconciled; it is reported in the log, a metric, an event, and its conditions if the API
//! server admits that.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use k8s_openapi::{api::core::v1::ObjectReference, apimachinery::pkg::apis::meta::v1::Condition};
use kube::{
    Api, Client, Resource,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
    runtime::{
        reflector::{ObjectRef, Store},
        watcher,
        watcher::Event::{Apply, Delete, Init, InitApply, InitDone},
    },
};
use sei_api::{
    conditions::ConditionType,
    events::{Event, EventReason},
    labels,
};
use serde_json::{Value, json};

use crate::{
    decode::{Decoded, Undecodable},
    events::Publisher,
    metrics::Metrics,
    reconciled::Reconciled,
    refusal::error_message,
};

/// Where undecodable objects are reported.
#[derive(Clone)]
pub(crate) struct Reporter {
    pub(crate) client: Client,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) events: Publisher,
}

/// Namespaces and names of the objects of a scope that cannot be decoded. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Names(Arc<Mutex<BTreeSet<(String, String)>>>);

impl Names {
    /// The names in one namespace.
    pub(crate) fn of(&self, namespace: &str) -> BTreeSet<String> {
        let here =
            |(in_namespace, name): &(String, String)| (in_namespace == namespace).then(|| name.clone());
        self.lock().iter().filter_map(here).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<(String, String)>> {
        // A panic elsewhere cannot leave the set inconsistent: every access is one insert, read or remove.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The objects of a scope that cannot be decoded.
pub(crate) struct Unreadable<K: Reconciled> {
    reporter: Reporter,
    names: Names,
    /// The decodable objects.
    store: Store<K>,
    known: HashMap<ObjectRef<K>, Known>,
}

struct Known {
    error: String,
    /// Whether the list that is being received contains it.
    listed: bool,
}

impl<K: Reconciled> Unreadable<K> {
    /// Starts with no known objects. `names` will contain those that cannot be decoded.
    pub(crate) fn new(reporter: Reporter, store: Store<K>, names: Names) -> Self {
        Self { reporter, names, store, known: HashMap::new() }
    }

    /// The part of an event about decodable objects. An object that can no longer be decoded is treated as deleted.
    pub(crate) fn decodable(&mut self, event: watcher::Event<Decoded<K>>) -> Option<watcher::Event<K>> {
        match event {
            Init => {
                self.known.values_mut().for_each(|known| known.listed = false);
                Some(Init)
            }
            InitApply(item) => self.readable(item).map(InitApply),
            InitDone => {
                let gone: Vec<_> =
                    self.known.iter().filter(|(_, it)| !it.listed).map(|(key, _)| key.clone()).collect();
                gone.iter().for_each(|key| self.recovered(key));
                Some(InitDone)
            }
            Apply(item) => {
                let key = key_of(&item);
                match self.readable(item) {
                    Some(node) => Some(Apply(node)),
                    None => self.stored(&key).map(Delete),
                }
            }
            Delete(item) => {
                let key = key_of(&item);
                self.recovered(&key);
                item.object.ok().or_else(|| self.stored(&key)).map(Delete)
            }
        }
    }

    fn readable(&mut self, item: Decoded<K>) -> Option<K> {
        let (key, regarding) = (key_of(&item), item.object_ref(&()));
        match item.object {
            Ok(object) => {
                self.recovered(&key);
                Some(object)
            }
            Err(broken) => {
                self.names.lock().insert(name_of(&key));
                let known = Known { error: broken.error.clone(), listed: true };
                let before = self.known.insert(key.clone(), known);
                let is_news = before.is_none_or(|before| before.error != broken.error);
                if is_news {
                    let namespace = key.namespace.as_deref().unwrap_or_default();
                    tracing::error!(
                        kind = %K::kind(&()),
                        namespace,
                        name = key.name,
                        error = broken.error,
                        "the object cannot be decoded and is not reconciled"
                    );
                    self.reporter.metrics.unreadable(K::CONTROLLER, namespace, &key.name, true);
                }
                tokio::spawn(report::<K>(self.reporter.clone(), regarding, broken, is_news));
                None
            }
        }
    }

    fn recovered(&mut self, key: &ObjectRef<K>) {
        if self.known.remove(key).is_some() {
            self.names.lock().remove(&name_of(key));
            let namespace = key.namespace.as_deref().unwrap_or_default();
            self.reporter.metrics.unreadable(K::CONTROLLER, namespace, &key.name, false);
        }
    }

    fn stored(&self, key: &ObjectRef<K>) -> Option<K> {
        self.store.get(key).map(Arc::unwrap_or_clone)
    }
}

fn name_of<K: Reconciled>(key: &ObjectRef<K>) -> (String, String) {
    (key.namespace.clone().unwrap_or_default(), key.name.clone())
}

fn key_of<K: Reconciled>(item: &Decoded<K>) -> ObjectRef<K> {
    let key = ObjectRef::new(item.metadata.name.as_deref().unwrap_or_default());
    key.within(item.metadata.namespace.as_deref().unwrap_or_default())
}

/// Reports in the conditions of an object that it cannot be decoded, unless they already do. If the API
/// server rejects that because the whole object is invalid, only the event and the log remain.
async fn report<K: Reconciled>(
    reporter: Reporter,
    regarding: ObjectReference,
    broken: Undecodable,
    is_news: bool,
) {
    let message = format!(
        "this {} cannot be decoded and is not reconciled: {}; correct the field, or upgrade the operator if a later version wrote it",
        K::kind(&()),
        broken.error
    );
    let now = Timestamp::now();
    let Some(patch) = condition_patch::<K>(&broken.value, &message, now) else { return };
    let namespace = regarding.namespace.as_deref().unwrap_or_default();
    let name = regarding.name.as_deref().unwrap_or_default();
    let api: Api<DynamicObject> =
        Api::namespaced_with(reporter.client.clone(), namespace, &ApiResource::erase::<K>(&()));
    let params = PatchParams { field_manager: Some(labels::FIELD_MANAGER.to_owned()), ..Default::default() };
    if let Err(error) = api.patch_status(name, &params, &Patch::Merge(&patch)).await {
        let (kind, error) = (K::kind(&()), error_message(&error));
        tracing::warn!(%kind, namespace, name, error, "failed to write the conditions of an object that cannot be decoded");
    }
    if is_news {
        let event = Event::warning(EventReason::Unreadable, message);
        reporter.events.publish(&regarding, vec![event], now);
    }
}

/// A status patch of `object` with `message`; `None` if its conditions already have it, or cannot be read.
fn condition_patch<K: Reconciled>(object: &Value, message: &str, now: Timestamp) -> Option<Value> {
    let metadata = &object["metadata"];
    let mut conditions: Option<Vec<Condition>> =
        serde_json::from_value(object["status"]["conditions"].clone()).ok()?;
    let says_so = |condition: &Condition| {
        (condition.type_.as_str(), condition.message.as_str()) == (ConditionType::Stalled.as_str(), message)
    };
    if conditions.iter().flatten().any(says_so) {
        return None;
    }
    K::unreadable(&mut conditions, message, metadata["generation"].as_i64(), now);
    // The resource version prevents overwriting conditions that changed in the meantime.
    Some(json!({
        "metadata": { "uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"] },
        "status": { "conditions": conditions },
    }))
}

#[cfg(test)]
mod tests {
    use sei_api::SeiNode;

    use super::*;

    #[test]
    fn an_undecodable_node_is_reported_once_in_its_conditions_and_the_others_are_kept() {
        let mut value = json!({
            "metadata": { "name": "node-0", "resourceVersion": "7", "generation": 3 },
            "status": { "phase": "Paused", "conditions": [{
                "type": "SidecarReady", "status": "True", "reason": "Ready", "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }] },
        });
        let now = "2026-01-02T00:00:00Z".parse().unwrap();
        let fault = "status.phase: unknown variant";
        let patch = condition_patch::<SeiNode>(&value, fault, now).unwrap();
        assert_eq!(patch["metadata"]["resourceVersion"], "7", "concurrent changes are not overwritten");
        let conditions = patch["status"]["conditions"].as_array().unwrap();
        let said: Vec<_> = conditions.iter().map(|it| (it["type"].as_str(), it["status"].as_str())).collect();
        let expected = [("SidecarReady", "True"), ("Ready", "False"), ("Stalled", "True")];
        assert_eq!(said, expected.map(|(kind, status)| (Some(kind), Some(status))));
        value["status"]["conditions"] = patch["status"]["conditions"].clone();
        assert!(condition_patch::<SeiNode>(&value, fault, now).is_none());
        assert!(condition_patch::<SeiNode>(&value, "another fault", now).is_some());
    }

    #[test]
    fn a_node_without_status_is_reported_and_malformed_conditions_are_not_changed() {
        let now = Timestamp::UNIX_EPOCH;
        assert!(condition_patch::<SeiNode>(&json!({ "metadata": {} }), "no spec", now).is_some());
        let strange = json!({ "metadata": {}, "status": { "conditions": "none" } });
        assert!(condition_patch::<SeiNode>(&strange, "no spec", now).is_none());
    }
}
