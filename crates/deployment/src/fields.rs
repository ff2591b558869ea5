//! Which fields of an object the operator applied, by the object's `managedFields`. The next apply removes fields that
//! it applied and no longer sets; fields that others set are kept.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::{Resource, ResourceExt};
use sei_api::{SeiNode, labels};
use sei_render::drift::differences;
use serde_json::{Map, Value};

/// The current values of the part of the spec of `live` that the operator applied.
pub(crate) fn applied_spec(live: &SeiNode) -> Value {
    applied(live, "f:spec", &serde_json::json!(live.spec))
}

/// Whether applying `desired` would change the spec of `live`.
pub(crate) fn spec_differs(desired: &SeiNode, live: &SeiNode) -> bool {
    let (wanted, found) = (serde_json::json!(desired.spec), serde_json::json!(live.spec));
    differ(&wanted, &found, &applied_spec(live))
}

/// Whether applying `desired` would change labels or annotations of `live`.
pub(crate) fn metadata_differs(desired: &SeiNode, live: &SeiNode) -> bool {
    // Always maps, even if empty: an absent map would leave keys of others undecided.
    let shown =
        |node: &SeiNode| serde_json::json!({ "labels": node.labels(), "annotations": node.annotations() });
    let found = shown(live);
    differ(&shown(desired), &found, &applied(live, "f:metadata", &found))
}

fn differ(wanted: &Value, found: &Value, applied: &Value) -> bool {
    !differences(wanted, found).is_empty() || !differences(applied, wanted).is_empty()
}

/// The part of `value`, located at `place` in `live`, that the operator applied.
fn applied(live: &SeiNode, place: &str, value: &Value) -> Value {
    let mut ours = live.meta().managed_fields.iter().flatten().filter(|entry| is_applied_by_group(entry));
    let fields = ours.next().and_then(|entry| entry.fields_v1.as_ref()?.0.get(place));
    fields.map_or_else(|| Value::Object(Map::new()), |fields| part(value, fields))
}

/// The part of `value` that `fields` lists. Lists are included as a whole.
fn part(value: &Value, fields: &Value) -> Value {
    match (value, fields) {
        (Value::Object(members), Value::Object(fields)) if !fields.is_empty() => {
            let named = fields.iter().filter_map(|(field, inner)| {
                let name = field.strip_prefix("f:")?;
                Some((name.to_owned(), part(members.get(name)?, inner)))
            });
            Value::Object(named.collect())
        }
        _ => value.clone(),
    }
}

/// Whether the entry lists fields that a group applied to the object itself.
pub fn is_applied_by_group(entry: &ManagedFieldsEntry) -> bool {
    is_by(entry, labels::DEPLOYMENT_FIELD_MANAGER, "Apply")
}

pub(crate) fn is_by(entry: &ManagedFieldsEntry, manager: &str, operation: &str) -> bool {
    entry.manager.as_deref() == Some(manager)
        && entry.operation.as_deref() == Some(operation)
        && entry.subresource.as_deref().unwrap_or_default().is_empty()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_partial_object_has_the_current_values_of_the_named_fields() {
        let spec = json!({
            "image": "a", "overrides": { "x": "1", "y": "2" }, "peers": [{ "label": {} }], "fullNode": {},
        });
        for (fields, expected) in [
            (json!({ "f:image": {} }), json!({ "image": "a" })),
            (json!({ "f:overrides": { ".": {}, "f:x": {} } }), json!({ "overrides": { "x": "1" } })),
            (json!({ "f:peers": {} }), json!({ "peers": [{ "label": {} }] })),
            (json!({ "f:fullNode": {}, "f:gone": {} }), json!({ "fullNode": {} })),
        ] {
            assert_eq!(part(&spec, &fields), expected, "{fields}");
        }
    }
}
