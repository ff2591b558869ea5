//! Validates an object like the API server, but offline: the CRD's schema and its CEL rules, and strict
//! decoding of metadata.

use jsonschema::{
    JsonType, ValidationError,
    error::{TypeKind, ValidationErrorKind},
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::cel::{CompiledSchema, Validator, apply_defaults, compile_schema};
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

/// What an API server checks of the objects of one CRD. Compiled once: a file can have thousands of objects.
pub(crate) struct Admission {
    schema: Value,
    bounds: jsonschema::Validator,
    rules: CompiledSchema,
}

impl Admission {
    /// Compiles the checks of the CRD `manifest`.
    ///
    /// # Errors
    /// If its schema is not one.
    pub(crate) fn new(manifest: &Value) -> Result<Self, String> {
        let schema = &manifest["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let bounds = jsonschema::validator_for(&strict(schema)).map_err(|error| error.to_string())?;
        Ok(Self { schema: schema.clone(), bounds, rules: compile_schema(&for_kube(schema)) })
    }

    /// Brings `object` to the form in which it would be stored.
    ///
    /// # Errors
    /// Every fault, with its field, as one line.
    pub(crate) fn admit(&self, object: &mut Value) -> Result<(), String> {
        as_decoded(object);
        // An existing object was admitted already; rules that apply only at creation are skipped.
        let exists = !object["metadata"]["uid"].is_null() || !object["status"].is_null();
        *object = apply_defaults(&self.schema, object);
        // The schema errors, including unknown fields.
        let mut faults: Vec<_> = self.bounds.iter_errors(object).map(|error| fault(&error)).collect();
        if faults.is_empty() {
            let old = exists.then_some(&*object);
            if let Err(broken) = Validator::new().validate_compiled(&self.rules, object, old) {
                faults.extend(broken.iter().map(|rule| at(&rule.field_path, &rule.message)));
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
    }
}

/// `schema` with the schema of the metadata, and without permission for unknown fields.
fn strict(schema: &Value) -> Value {
    let mut strict = schema.clone();
    let mut metadata = metadata_schema();
    // A file without a name cannot be applied; the server's other name checks are CEL rules.
    metadata["required"] = json!(["name"]);
    strict["required"] = json!(["metadata"]);
    for (field, schema) in [("apiVersion", json!({})), ("kind", json!({})), ("metadata", metadata)] {
        strict["properties"][field] = schema;
    }
    close(&mut strict);
    strict
}

fn metadata_schema() -> Value {
    let inline = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    inline.into_generator().into_root_schema_for::<ObjectMeta>().to_value()
}

/// Decodes like the API server: no field is nullable, so explicit nulls are dropped, and 1e6 is a whole
/// number.
fn as_decoded(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(as_decoded);
        }
        Value::Array(items) => items.iter_mut().for_each(as_decoded),
        Value::Number(number) if number.is_f64() => {
            let whole = number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 1e15);
            if let Some(whole) = whole {
                *value = json!(whole as i64);
            }
        }
        _ => {}
    }
}

/// Rejects fields that are not in the schema, like `kubectl apply`.
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

/// Differences between kube's evaluator and the API server: it renames a field called `import`, and on
/// creation an optional `oldSelf` is null instead of an empty optional.
fn for_kube(schema: &Value) -> Value {
    let text = schema.to_string().replace(".import)", ".__import__)");
    serde_json::from_str(&text.replace("oldSelf.hasValue()", "oldSelf != null")).unwrap_or_default()
}

fn fault(error: &ValidationError<'_>) -> String {
    let path = field(&error.instance_path().to_string());
    let inside = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let fields: Vec<_> = unexpected.iter().map(|field| at(&inside(field), "unknown field")).collect();
            fields.join("; ")
        }
        ValidationErrorKind::Required { property } => {
            at(&inside(property.as_str().unwrap_or_default()), "required")
        }
        // YAML parses unquoted `y`, `on` and `42` as types other than string.
        ValidationErrorKind::Type { kind: TypeKind::Single(JsonType::String) }
            if is_scalar(error.instance()) =>
        {
            at(&path, &format!("{error}: write it in quotes"))
        }
        _ => at(&path, &error.to_string()),
    }
}

/// A JSON pointer as the API server writes the path of a field: `spec.peers[0].static`.
fn field(pointer: &str) -> String {
    let mut path = String::new();
    for part in pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")) {
        match part.parse::<usize>() {
            Ok(index) => path.push_str(&format!("[{index}]")),
            Err(_) if path.is_empty() => path.push_str(&part),
            Err(_) => path.push_str(&format!(".{part}")),
        }
    }
    path
}

fn at(path: &str, text: &str) -> String {
    if path.is_empty() { text.to_owned() } else { format!("{path}: {text}") }
}

fn is_scalar(value: &Value) -> bool {
    value.is_boolean() || value.is_number()
}
