//! SeiNodes that cannot be decoded: stored by another version of the CRD, or under one with weaker rules. Each is
//! held back alone, and says so in a log line, a metric, an event, and its conditions where the API server admits it.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use k8s_openapi::{api::core::v1::ObjectReference, apimachinery::pkg::apis::meta::v1::Condition};
use kube::{
    Api, Resource,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
    runtime::{
        reflector::ObjectRef,
        watcher,
        watcher::Event::{Apply, Delete, Init, InitApply, InitDone},
    },
};
use sei_api::{
    SeiNode,
    conditions::{self, ConditionType, Reason, StalledReason, Statement},
    events::EventReason,
    labels,
};
use sei_decide::events::{Event, Level};
use serde_json::{Value, json};

use crate::{
    context::Context,
    decode::{Decoded, Undecodable},
    refusal::words,
};

/// The SeiNodes of a scope that cannot be decoded.
pub(crate) struct Unreadable {
    ctx: Arc<Context>,
    known: HashMap<ObjectRef<SeiNode>, Known>,
}

struct Known {
    error: String,
    /// Whether the list that is being received has it.
    listed: bool,
}

impl Unreadable {
    /// None is known yet.
    pub(crate) fn new(ctx: Arc<Context>) -> Self {
        Self { ctx, known: HashMap::new() }
    }

    /// What an event says of SeiNodes that can be decoded. One that no longer can is as good as gone.
    pub(crate) fn sift(
        &mut self,
        event: watcher::Event<Decoded<SeiNode>>,
    ) -> Option<watcher::Event<SeiNode>> {
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

    fn readable(&mut self, item: Decoded<SeiNode>) -> Option<SeiNode> {
        let (key, regarding) = (key_of(&item), item.object_ref(&()));
        match item.object {
            Ok(node) => {
                self.recovered(&key);
                Some(node)
            }
            Err(broken) => {
                let known = Known { error: broken.error.clone(), listed: true };
                let before = self.known.insert(key.clone(), known);
                let is_news = before.is_none_or(|before| before.error != broken.error);
                if is_news {
                    let namespace = key.namespace.as_deref().unwrap_or_default();
                    tracing::error!(
                        node = format!("{namespace}/{}", key.name),
                        error = broken.error,
                        "SeiNode cannot be decoded and is not reconciled"
                    );
                    self.ctx.metrics.unreadable(namespace, &key.name, true);
                }
                tokio::spawn(report(Arc::clone(&self.ctx), regarding, broken, is_news));
                None
            }
        }
    }

    fn recovered(&mut self, key: &ObjectRef<SeiNode>) {
        if self.known.remove(key).is_some() {
            self.ctx.metrics.unreadable(key.namespace.as_deref().unwrap_or_default(), &key.name, false);
        }
    }

    fn stored(&self, key: &ObjectRef<SeiNode>) -> Option<SeiNode> {
        self.ctx.cache.nodes.get(key).map(Arc::unwrap_or_clone)
    }
}

fn key_of(item: &Decoded<SeiNode>) -> ObjectRef<SeiNode> {
    let key = ObjectRef::new(item.metadata.name.as_deref().unwrap_or_default());
    key.within(item.metadata.namespace.as_deref().unwrap_or_default())
}

/// Says in the conditions of a SeiNode that it cannot be decoded, unless they do already. Where the API server does
/// not admit that, since the whole object is invalid to it, the event and the log remain.
async fn report(ctx: Arc<Context>, regarding: ObjectReference, broken: Undecodable, is_news: bool) {
    let message = format!(
        "this SeiNode cannot be decoded and is not reconciled: {}; correct the field, or upgrade the operator if a later version wrote it",
        broken.error
    );
    let Some(patch) = condition_patch(&broken.value, &message, ctx.now()) else { return };
    let namespace = regarding.namespace.as_deref().unwrap_or_default();
    let name = regarding.name.as_deref().unwrap_or_default();
    let api: Api<DynamicObject> =
        Api::namespaced_with(ctx.client.clone(), namespace, &ApiResource::erase::<SeiNode>(&()));
    let params = PatchParams { field_manager: Some(labels::FIELD_MANAGER.to_owned()), ..Default::default() };
    if let Err(error) = api.patch_status(name, &params, &Patch::Merge(&patch)).await {
        let (node, error) = (format!("{namespace}/{name}"), words(&error));
        tracing::warn!(node, error, "failed to write the conditions of a SeiNode that cannot be decoded");
    }
    if is_news {
        let event = Event { level: Level::Warning, reason: EventReason::Unreadable, note: message };
        ctx.events.publish(&regarding, vec![event], ctx.now());
    }
}

/// A patch of the status of `object` that says `message`; `None` where its conditions already do, or cannot be read.
fn condition_patch(object: &Value, message: &str, now: Timestamp) -> Option<Value> {
    let metadata = &object["metadata"];
    let mut conditions: Option<Vec<Condition>> =
        serde_json::from_value(object["status"]["conditions"].clone()).ok()?;
    let says_so = |condition: &Condition| {
        (condition.type_.as_str(), condition.message.as_str()) == (ConditionType::Stalled.as_str(), message)
    };
    if conditions.iter().flatten().any(says_so) {
        return None;
    }
    let stalled = StalledReason::Unreadable;
    for statement in [
        Statement::new(false, Reason::ReadyWhileStalled(stalled), message),
        Statement::new(true, stalled, message),
    ] {
        conditions::set(&mut conditions, statement, metadata["generation"].as_i64(), now);
    }
    // The version keeps conditions that changed meanwhile from being overwritten.
    Some(json!({
        "metadata": { "uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"] },
        "status": { "conditions": conditions },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_conditions_of_an_undecodable_node_say_so_once_and_keep_the_others() {
        let mut value = json!({
            "metadata": { "name": "node-0", "resourceVersion": "7", "generation": 3 },
            "status": { "phase": "Paused", "conditions": [{
                "type": "SidecarReady", "status": "True", "reason": "Ready", "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }] },
        });
        let now = "2026-01-02T00:00:00Z".parse().unwrap();
        let fault = "status.phase: unknown variant";
        let patch = condition_patch(&value, fault, now).unwrap();
        assert_eq!(patch["metadata"]["resourceVersion"], "7", "what changed meanwhile is not overwritten");
        let conditions = patch["status"]["conditions"].as_array().unwrap();
        let said: Vec<_> = conditions.iter().map(|it| (it["type"].as_str(), it["status"].as_str())).collect();
        let expected = [("SidecarReady", "True"), ("Ready", "False"), ("Stalled", "True")];
        assert_eq!(said, expected.map(|(kind, status)| (Some(kind), Some(status))));
        value["status"]["conditions"] = patch["status"]["conditions"].clone();
        assert!(condition_patch(&value, fault, now).is_none());
        assert!(condition_patch(&value, "another fault", now).is_some());
    }

    #[test]
    fn a_node_without_status_is_reported_and_conditions_of_another_form_are_left_alone() {
        let now = Timestamp::UNIX_EPOCH;
        assert!(condition_patch(&json!({ "metadata": {} }), "no spec", now).is_some());
        let strange = json!({ "metadata": {}, "status": { "conditions": "none" } });
        assert!(condition_patch(&strange, "no spec", now).is_none());
    }
}
