//! Status writes: only the changes, to exactly the version that was read.

use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::{
    reconciled::{Reconciled, described},
    refusal::error_message,
};

/// Why a status could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// The object was changed since it was read. The pass is retried with the current version.
    #[error("failed to write the status of {object}: the object changed since it was read")]
    Conflict {
        /// The object.
        object: String,
    },
    /// The request failed.
    #[error("failed to write the status of {object}: {}", error_message(source))]
    Api {
        /// The object.
        object: String,
        /// The error.
        source: Box<kube::Error>,
    },
}

/// Merges `change` into the status of this version of `object`, and returns the stored object.
pub(crate) async fn write_status<K: Reconciled>(
    client: &Client,
    object: &K,
    change: &Value,
    manager: &str,
) -> Result<K, RecordError> {
    let metadata = object.meta();
    let patch = json!({
        "metadata": { "uid": metadata.uid, "resourceVersion": metadata.resource_version },
        "status": change,
    });
    let api: Api<K> = Api::namespaced(client.clone(), metadata.namespace.as_deref().unwrap_or_default());
    let params = PatchParams { field_manager: Some(manager.to_owned()), ..Default::default() };
    let written = api.patch_status(&object.name_any(), &params, &Patch::Merge(&patch)).await;
    written.map_err(|error| match error {
        kube::Error::Api(status) if status.is_conflict() => {
            RecordError::Conflict { object: described(object) }
        }
        source => RecordError::Api { object: described(object), source: Box::new(source) },
    })
}

/// The merge patch (RFC 7386) from `before` to `after`. Status fields written by a later version of the operator and
/// unknown to this one are in neither value, and are kept.
pub(crate) fn difference(before: &Value, after: &Value) -> Value {
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
    fn a_status_write_contains_only_changes() {
        let before = json!({ "phase": "Running", "plan": { "id": "a", "tasks": [1, 2] }, "old": 1 });
        let after = json!({ "phase": "Running", "plan": { "id": "a", "tasks": [1] }, "new": { "x": 1 } });
        let expected = json!({ "old": null, "plan": { "tasks": [1] }, "new": { "x": 1 } });
        assert_eq!(difference(&before, &after), expected);
        assert_eq!(difference(&before, &before), json!({}));
    }
}
