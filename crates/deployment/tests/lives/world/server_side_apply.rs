//! Server-side apply.

use sei_api::labels;
use serde_json::{Map, Value, json};

/// Server-side apply, by force, with the field manager of groups.
pub(super) fn apply(live: &mut Value, patch: &Value) {
    let before = live["spec"].clone();
    let parts = ["labels", "annotations", "ownerReferences"];
    let mut wanted = json!({ "spec": patch["spec"], "metadata": {} });
    for part in parts.iter().filter(|part| !patch["metadata"][**part].is_null()) {
        wanted["metadata"][*part] = patch["metadata"][*part].clone();
    }
    let fields = fields_of(&wanted);
    let had = live["metadata"]["managedFields"][0]["fieldsV1"].clone();
    remove(live, &had, &fields);
    merge(live, &wanted);
    live["metadata"]["managedFields"] = json!([{
        "manager": labels::DEPLOYMENT_FIELD_MANAGER, "operation": "Apply", "fieldsV1": fields,
    }]);
    if live["spec"] != before {
        let generation = live["metadata"]["generation"].as_i64().unwrap();
        live["metadata"]["generation"] = json!(generation + 1);
    }
}

pub(super) fn fields_of(value: &Value) -> Value {
    let members = value.as_object().filter(|members| !members.is_empty());
    let fields =
        members.map(|members| members.iter().map(|(key, value)| (format!("f:{key}"), fields_of(value))));
    Value::Object(fields.map(Iterator::collect::<Map<_, _>>).unwrap_or_default())
}

/// Removes the fields in `had` that are not in `fields`.
fn remove(live: &mut Value, had: &Value, fields: &Value) {
    for (field, inner) in had.as_object().into_iter().flatten() {
        let name = field.trim_start_matches("f:");
        let is_map = live[name].is_object() && inner.as_object().is_some_and(|inner| !inner.is_empty());
        match fields.get(field) {
            Some(kept) if is_map => remove(&mut live[name], inner, kept),
            None if is_map => remove(&mut live[name], inner, &json!({})),
            None => drop(live.as_object_mut().unwrap().remove(name)),
            Some(_) => {}
        }
    }
}

fn merge(live: &mut Value, patch: &Value) {
    match patch {
        Value::Object(members) if live.is_object() || !members.is_empty() => {
            members.iter().for_each(|(key, value)| merge(&mut live[key], value));
        }
        _ => *live = patch.clone(),
    }
}
