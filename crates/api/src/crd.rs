//! The CustomResourceDefinitions as they are installed: derived from the types, in the form in which an API
//! server stores them.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;
use serde_json::{Value, json};

use crate::{
    SeiNode, SeiNodeTask,
    v1alpha1::deployment::{SeiNodeDeployment, adapt_template},
};

/// The CRD `seinodes.sei.io`. Install this one instead of [`SeiNode::crd`], which admits explicit nulls.
pub fn crd() -> CustomResourceDefinition {
    installed(SeiNode::crd())
}

/// The CRD `seinodedeployments.sei.io`. Install this one instead of [`SeiNodeDeployment::crd`], whose
/// template does not admit `$(name)`.
pub fn deployment_crd() -> CustomResourceDefinition {
    let mut crd = installed(SeiNodeDeployment::crd());
    for schema in schemas(&mut crd) {
        let spec = field(schema, "spec").and_then(|spec| field(spec, "template"));
        spec.and_then(|template| field(template, "spec")).into_iter().for_each(adapt_template);
    }
    crd
}

/// The CRD `seinodetasks.sei.io`. Install this one instead of [`SeiNodeTask::crd`], which admits explicit nulls.
pub fn task_crd() -> CustomResourceDefinition {
    installed(SeiNodeTask::crd())
}

fn field<'a>(schema: &'a mut JSONSchemaProps, name: &str) -> Option<&'a mut JSONSchemaProps> {
    schema.properties.as_mut()?.get_mut(name)
}

fn installed(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    // The server would fill this in; setting it here makes the installed CRD equal to the stored one.
    crd.spec.names.list_kind = Some(format!("{}List", crd.spec.names.kind));
    for schema in schemas(&mut crd) {
        tidy(schema);
        // GitOps tools consider an object without status reconciled. No spec has generation -1.
        if let Some(status) = field(schema, "status") {
            status.default = Some(JSON(json!({ "observedGeneration": -1 })));
        }
        // A CEL rule requires the spec, of new objects only.
        schema.required = None;
    }
    crd
}

fn schemas(crd: &mut CustomResourceDefinition) -> impl Iterator<Item = &mut JSONSchemaProps> {
    crd.spec.versions.iter_mut().filter_map(|version| version.schema.as_mut()?.open_api_v3_schema.as_mut())
}

/// [`crd`] as a manifest.
///
/// # Errors
///
/// None in practice: a CRD always has a JSON form.
pub fn crd_manifest() -> Result<Value, serde_json::Error> {
    manifest(&crd())
}

/// [`deployment_crd`] as a manifest.
///
/// # Errors
///
/// None in practice: a CRD always has a JSON form.
pub fn deployment_crd_manifest() -> Result<Value, serde_json::Error> {
    manifest(&deployment_crd())
}

/// The CRDs of every kind.
pub fn crds() -> [CustomResourceDefinition; 3] {
    [crd(), deployment_crd(), task_crd()]
}

/// [`task_crd`] as a manifest.
///
/// # Errors
///
/// None in practice: a CRD always has a JSON form.
pub fn task_crd_manifest() -> Result<Value, serde_json::Error> {
    manifest(&task_crd())
}

/// Writes whole numbers as integers (bounds are floats in the typed form), so that the applied manifest
/// equals what the server returns.
fn manifest(crd: &CustomResourceDefinition) -> Result<Value, serde_json::Error> {
    let mut manifest = serde_json::to_value(crd)?;
    whole_numbers(&mut manifest);
    Ok(manifest)
}

fn whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            // Truncates at the decimal point, and only if no other digits follow it.
            let digits = number.to_string();
            if let Some(whole) = digits.strip_suffix(".0").and_then(|whole| whole.parse::<i64>().ok()) {
                *value = whole.into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(fields) => fields.values_mut().for_each(whole_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// Removes what the derive adds to a schema: `nullable` on every `Option`, so that the server drops an
/// explicit null before any rule sees it; titles; and the line breaks of the source in descriptions.
fn tidy(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    schema.title = None;
    if schema.x_kubernetes_int_or_string == Some(true) {
        // kube's rewriter leaves these two empty.
        let one_of_type = |name: &str| JSONSchemaProps { type_: Some(name.to_owned()), ..Default::default() };
        schema.any_of = Some(vec![one_of_type("integer"), one_of_type("string")]);
    }
    if let Some(description) = &mut schema.description {
        *description = description.replace('\n', " ");
    }
    for property in schema.properties.iter_mut().flat_map(|properties| properties.values_mut()) {
        tidy(property);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        tidy(values);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        tidy(items);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paths in `value` for which `wanted` is true.
    fn places(value: &Value, path: &str, wanted: &dyn Fn(&str, &Value) -> bool, found: &mut Vec<String>) {
        let mut visit = |key: String, value: &Value| {
            let path = format!("{path}/{key}");
            if wanted(&key, value) {
                found.push(path.clone());
            }
            places(value, &path, wanted, found);
        };
        match value {
            Value::Object(fields) => fields.iter().for_each(|(key, value)| visit(key.clone(), value)),
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(i, value)| visit(i.to_string(), value))
            }
            _ => {}
        }
    }

    fn manifests() -> [Value; 3] {
        [crd_manifest().unwrap(), deployment_crd_manifest().unwrap(), task_crd_manifest().unwrap()]
    }

    fn found(wanted: impl Fn(&str, &Value) -> bool) -> Vec<String> {
        let mut found = Vec::new();
        for manifest in manifests() {
            places(&manifest, "", &wanted, &mut found);
        }
        found
    }

    #[test]
    fn the_schema_has_nothing_that_a_server_would_drop_or_rewrite() {
        assert_eq!(found(|_, value| value.as_array().is_some_and(Vec::is_empty)), [""; 0], "empty lists");
        assert_eq!(found(|_, value| value.is_null()), [""; 0], "nulls");
        assert_eq!(found(|_, value| value.is_f64()), [""; 0], "fractions");
        // A field may be called so.
        let is_title = |key: &str, value: &Value| key == "title" && value.is_string();
        assert_eq!(found(|key, value| key == "nullable" || is_title(key, value)), [""; 0]);
    }

    #[test]
    fn every_integer_has_bounds() {
        let is_integer =
            |_: &str, value: &Value| value["type"] == "integer" && value["description"].is_string();
        let open = found(|key, value| {
            is_integer(key, value)
                && (value["minimum"].as_i64().is_none() || value["maximum"].as_i64().is_none())
        });
        let integers = found(is_integer).len();
        assert!(integers > 40, "only {integers} integers found");
        assert_eq!(open, [""; 0]);
    }

    #[test]
    fn an_unobserved_object_is_not_reported_as_current() {
        for manifest in manifests() {
            let schema = &manifest["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
            assert_eq!(schema["properties"]["status"]["default"]["observedGeneration"], -1);
        }
    }

    #[test]
    fn every_field_has_a_description() {
        // The members of `properties` are fields; embedded Kubernetes types are described too.
        for manifest in manifests() {
            let mut properties = Vec::new();
            places(&manifest, "", &|key, _| key == "properties", &mut properties);
            let silent: Vec<_> = properties
                .iter()
                .flat_map(|path| {
                    let fields = manifest.pointer(path).and_then(Value::as_object).unwrap();
                    fields
                        .iter()
                        .filter(|(_, field)| field.get("description").is_none())
                        .map(move |(name, _)| format!("{path}/{name}"))
                })
                .collect();
            assert_eq!(silent, [""; 0]);
        }
        assert_eq!(found(|key, value| key == "description" && value.to_string().contains("\\n")), [""; 0]);
    }

    #[test]
    fn printer_columns_show_the_important_fields() {
        let names = |crd: &CustomResourceDefinition, wide: bool| -> Vec<String> {
            let columns = crd.spec.versions[0].additional_printer_columns.iter().flatten();
            let of = columns.filter(|column| (column.priority.unwrap_or(0) > 0) == wide);
            of.map(|column| column.name.clone()).collect()
        };
        assert_eq!(names(&crd(), false), ["Ready", "Synced", "Phase", "Reason", "Image", "TLS", "Age"]);
        assert_eq!(names(&crd(), true), ["Chain", "Message"]);
        let group = deployment_crd();
        let columns = ["Ready", "Replicas", "Updated", "Available", "Phase", "Reason", "Age"];
        assert_eq!(names(&group, false), columns);
        assert_eq!(names(&group, true), ["Chain", "Image", "Message"]);
        let task = task_crd();
        assert_eq!(names(&task, false), ["Node", "Operation", "Phase", "Reason", "Age"]);
        assert_eq!(names(&task, true), ["Message"]);
    }

    #[test]
    fn the_template_of_a_group_has_every_rule_of_a_node() {
        let rules = |manifest: &Value, at: &str| -> Vec<String> {
            let schema = manifest.pointer("/spec/versions/0/schema/openAPIV3Schema/properties").unwrap();
            let mut paths = Vec::new();
            places(schema.pointer(at).unwrap(), "", &|key, _| key == "rule", &mut paths);
            paths
        };
        let [node, group, _] = manifests();
        let (of_node, of_template) =
            (rules(&node, "/spec"), rules(&group, "/spec/properties/template/properties/spec"));
        assert!(of_node.len() > 30);
        assert_eq!(of_node, of_template);
    }
}
