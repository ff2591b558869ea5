//! The one status write of a pass, under optimistic lock, and the events that follow from it.

use std::sync::Arc;

use kube::{
    Api, Resource,
    api::{Patch, PatchParams},
};
use sei_api::{
    SeiNode, SeiNodeStatus, labels,
    names::{self, full_name},
};
use sei_decide::events::between;
use serde_json::{Value, json};

use crate::{context::Context, refusal::words};

/// Why a status was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// The object was changed since it was read. The pass is repeated on the current version.
    #[error("status of SeiNode {node} was not written: the object changed since it was read")]
    Conflict {
        /// `namespace/name`.
        node: String,
    },
    /// The API server's words.
    #[error("failed to write the status of SeiNode {node}: {}", words(source))]
    Api {
        /// `namespace/name`.
        node: String,
        /// What went wrong.
        source: Box<kube::Error>,
    },
}

/// Writes `status` where it differs from what `node` has, and returns the node as the API server then has it.
pub(crate) async fn record(
    ctx: &Context,
    node: &Arc<SeiNode>,
    status: SeiNodeStatus,
) -> Result<Arc<SeiNode>, RecordError> {
    let before = node.status.clone().unwrap_or_default();
    if before == status {
        return Ok(Arc::clone(node));
    }
    let patch = json!({
        "metadata": { "uid": node.metadata.uid, "resourceVersion": node.metadata.resource_version },
        "status": difference(&json!(before), &json!(status)),
    });
    let api: Api<SeiNode> = Api::namespaced(ctx.client.clone(), names::namespace(node));
    let params = PatchParams { field_manager: Some(labels::FIELD_MANAGER.to_owned()), ..Default::default() };
    let written = match api.patch_status(names::node(node), &params, &Patch::Merge(&patch)).await {
        Ok(written) => Arc::new(written),
        Err(kube::Error::Api(status)) if status.is_conflict() => {
            return Err(RecordError::Conflict { node: full_name(node) });
        }
        Err(source) => return Err(RecordError::Api { node: full_name(node), source: Box::new(source) }),
    };
    ctx.memory(node, |memory| (memory.written, memory.unsaved) = (Some(Arc::clone(&written)), None));
    let after = written.status.clone().unwrap_or_default();
    let now = ctx.now();
    ctx.metrics.observe_status(&written, &before, &after, now);
    ctx.events.publish(&written.object_ref(&()), between(&before, &after), now);
    Ok(written)
}

/// The merge patch (RFC 7386) that makes `after` of `before`. What this version of the operator does not know of a
/// status, a later one wrote, and it is in neither: it stays.
fn difference(before: &Value, after: &Value) -> Value {
    let (Value::Object(before), Value::Object(after)) = (before, after) else { return after.clone() };
    let removed = before.keys().filter(|key| !after.contains_key(*key)).map(|key| (key.clone(), Value::Null));
    let changed = after.iter().filter_map(|(key, value)| match before.get(key) {
        Some(old) if old == value => None,
        Some(old) => Some((key.clone(), difference(old, value))),
        None => Some((key.clone(), value.clone())),
    });
    Value::Object(removed.chain(changed).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_write_has_what_changed_and_nothing_else() {
        let before = json!({ "phase": "Running", "plan": { "id": "a", "tasks": [1, 2] }, "old": 1 });
        let after = json!({ "phase": "Running", "plan": { "id": "a", "tasks": [1] }, "new": { "x": 1 } });
        let expected = json!({ "old": null, "plan": { "tasks": [1] }, "new": { "x": 1 } });
        assert_eq!(difference(&before, &after), expected);
        assert_eq!(difference(&before, &before), json!({}));
    }
}
