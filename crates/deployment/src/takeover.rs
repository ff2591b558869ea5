//! The Go controller did not use server-side apply, so it owns the fields that it wrote in `managedFields`, and an
//! apply by the operator would never remove them. So they are first recorded as applied by the operator.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry};
use kube::Resource;
use sei_api::{SeiNode, labels};
use serde_json::{Map, Value, json};

use crate::fields::{is_applied_by_group, is_by};

/// The parts of `metadata` that the Go controller writes for a group. Its finalizer is that of the SeiNode.
const METADATA: [&str; 3] = ["f:labels", "f:annotations", "f:ownerReferences"];

/// Whether the entry is for fields that the Go controller wrote, other than the status.
pub fn is_by_go(entry: &ManagedFieldsEntry) -> bool {
    is_by(entry, labels::GO_FIELD_MANAGER, "Update")
}

/// The managed fields of `live` in which the fields that the Go controller wrote for its group are recorded as applied
/// by the operator. `None` if there are none.
pub fn taken_over(live: &SeiNode) -> Option<Vec<ManagedFieldsEntry>> {
    let entries = live.meta().managed_fields.iter().flatten().cloned();
    let (ours, others): (Vec<_>, Vec<_>) = entries.partition(is_applied_by_group);
    let (of_go, mut kept): (Vec<_>, Vec<_>) = others.into_iter().partition(is_by_go);
    let mut taken = Map::new();
    for mut entry in of_go.iter().cloned() {
        if let Some(FieldsV1(Value::Object(fields))) = &mut entry.fields_v1 {
            merge(&mut taken, take(fields));
            if fields.is_empty() {
                continue;
            }
        }
        kept.push(entry);
    }
    if taken.is_empty() {
        return None;
    }
    for entry in &ours {
        if let Some(FieldsV1(Value::Object(fields))) = &entry.fields_v1 {
            merge(&mut taken, fields.clone());
        }
    }
    let entry = ours.into_iter().chain(of_go).next()?;
    kept.push(ManagedFieldsEntry {
        manager: Some(labels::DEPLOYMENT_FIELD_MANAGER.to_owned()),
        operation: Some("Apply".to_owned()),
        fields_v1: Some(FieldsV1(Value::Object(taken))),
        ..entry
    });
    Some(kept)
}

/// Removes the fields of a group from `fields`, and returns them.
fn take(fields: &mut Map<String, Value>) -> Map<String, Value> {
    let mut taken = Map::new();
    taken.extend(fields.remove("f:spec").map(|spec| ("f:spec".to_owned(), spec)));
    if let Some(Value::Object(metadata)) = fields.get_mut("f:metadata") {
        let parts = METADATA.iter().filter_map(|part| Some(((*part).to_owned(), metadata.remove(*part)?)));
        let parts: Map<_, _> = parts.collect();
        if metadata.is_empty() {
            fields.remove("f:metadata");
        }
        if !parts.is_empty() {
            taken.insert("f:metadata".to_owned(), json!(parts));
        }
    }
    taken
}

/// Adds the fields of `more` to `fields`.
fn merge(fields: &mut Map<String, Value>, more: Map<String, Value>) {
    for (field, inner) in more {
        match (fields.get_mut(&field), inner) {
            (Some(Value::Object(known)), Value::Object(inner)) => merge(known, inner),
            (_, inner) => drop(fields.insert(field, inner)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(manager: &str, operation: &str, fields: &Value) -> Value {
        json!({ "manager": manager, "operation": operation, "apiVersion": "sei.io/v1alpha1", "fieldsType": "FieldsV1",
            "fieldsV1": fields })
    }

    fn after(entries: &Value) -> Option<Value> {
        let node: SeiNode = serde_json::from_value(json!({
            "metadata": { "name": "rpc-0", "managedFields": entries },
            "spec": { "chainId": "pacific-1", "image": "seid:a", "fullNode": {} },
        }))
        .unwrap();
        taken_over(&node).map(|entries| json!(entries))
    }

    #[test]
    fn only_fields_that_the_go_controller_wrote_for_its_group_are_taken_over() {
        let by_user = entry("kubectl", "Update", &json!({ "f:metadata": { "f:labels": { "f:by": {} } } }));
        let by_go = json!({
            "f:metadata": { "f:labels": { ".": {}, "f:team": {} }, "f:finalizers": { ".": {} } },
            "f:spec": { "f:image": {} },
        });
        let expected = json!([
            by_user,
            entry("manager", "Update", &json!({ "f:metadata": { "f:finalizers": { ".": {} } } })),
            entry(
                labels::DEPLOYMENT_FIELD_MANAGER,
                "Apply",
                &json!({ "f:metadata": { "f:labels": { ".": {}, "f:team": {} } }, "f:spec": { "f:image": {} } }),
            ),
        ]);
        let found = after(&json!([by_user, entry("manager", "Update", &by_go)])).unwrap();
        assert_eq!(found, expected);
        assert_eq!(after(&found), None, "once");
    }

    #[test]
    fn fields_that_were_applied_before_are_kept() {
        let ours = entry(
            labels::DEPLOYMENT_FIELD_MANAGER,
            "Apply",
            &json!({ "f:metadata": { "f:labels": { "f:sei.io/chain": {} } } }),
        );
        let go = entry("manager", "Update", &json!({ "f:metadata": { "f:labels": { "f:team": {} } } }));
        let fields = json!({ "f:metadata": { "f:labels": { "f:sei.io/chain": {}, "f:team": {} } } });
        let expected = json!([entry(labels::DEPLOYMENT_FIELD_MANAGER, "Apply", &fields)]);
        assert_eq!(after(&json!([ours, go])), Some(expected.clone()));
        assert_eq!(after(&json!([go, ours])), Some(expected));
    }

    #[test]
    fn a_node_that_the_go_controller_did_not_write_is_not_taken_over() {
        let status = json!({ "manager": "manager", "operation": "Update", "subresource": "status",
            "fieldsV1": { "f:status": { "f:phase": {} } } });
        let finalizer = entry("manager", "Update", &json!({ "f:metadata": { "f:finalizers": {} } }));
        assert_eq!(after(&json!([status, finalizer])), None);
    }
}
