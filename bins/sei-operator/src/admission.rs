//! What the API server would say to a SeiNode, said without one: the CRD's schema and its CEL rules.

use jsonschema::error::ValidationErrorKind;
use kube::core::cel::{Validator, apply_defaults};
use serde_json::{Value, json};

/// Brings `object` to the form in which it would be stored.
///
/// # Errors
/// Every fault, with its field, in one line.
pub(crate) fn admit(object: &mut Value) -> Result<(), String> {
    let manifest = sei_api::crd_manifest().map_err(|error| error.to_string())?;
    let schema = &manifest["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    drop_nulls(object);
    *object = apply_defaults(schema, object);
    let mut strict = schema.clone();
    for field in ["apiVersion", "kind", "metadata"] {
        strict["properties"][field] = json!({});
    }
    close(&mut strict);
    let bounds = jsonschema::validator_for(&strict).map_err(|error| error.to_string())?;
    let mut faults: Vec<String> = bounds.iter_errors(object).map(|error| fault(&error)).collect();
    if faults.is_empty() {
        // An object that exists already was admitted; rules for creation alone do not concern it.
        let exists = !object["metadata"]["uid"].is_null() || !object["status"].is_null();
        let old = exists.then_some(&*object);
        if let Err(broken) = Validator::new().validate(&for_kube(schema), object, old) {
            faults.extend(broken.iter().map(|rule| format!("{}: {}", rule.field_path, rule.message)));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
}

/// No field is nullable: the API server drops explicit nulls before it judges.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// Refuses fields that the schema does not know, as `kubectl apply` does.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.get("properties").is_some_and(Value::is_object)
                && fields.get("type") == Some(&json!("object"))
            {
                fields.insert("additionalProperties".to_owned(), json!(false));
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// Where kube's evaluator is not the API server's: it renames a field called `import`, and on creation an
/// optional `oldSelf` is null instead of an empty optional.
fn for_kube(schema: &Value) -> Value {
    let text = schema.to_string().replace(".import)", ".__import__)");
    serde_json::from_str(&text.replace("oldSelf.hasValue()", "oldSelf != null")).unwrap_or_default()
}

fn fault(error: &jsonschema::ValidationError<'_>) -> String {
    let path = error.instance_path().to_string().trim_start_matches('/').replace('/', ".");
    let inside = |field: &str| if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let fields: Vec<_> =
                unexpected.iter().map(|field| format!("{}: unknown field", inside(field))).collect();
            fields.join("; ")
        }
        ValidationErrorKind::Required { property } => {
            format!("{}: required", inside(property.as_str().unwrap_or_default()))
        }
        _ => format!("{path}: {error}"),
    }
}
