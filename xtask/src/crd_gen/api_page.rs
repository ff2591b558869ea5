//! `docs/reference/api.md` and `deployments.md`: every field of a kind with type, bounds, default, rules and description, from the
//! schema of the CRD.

use std::fmt::Write as _;

use anyhow::Context;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};

pub(super) fn render(crd: &CustomResourceDefinition) -> anyhow::Result<String> {
    let version = crd.spec.versions.first().context("the CRD has no version")?;
    let schema = version.schema.as_ref().and_then(|schema| schema.open_api_v3_schema.as_ref());
    let schema = schema.context("the CRD has no schema")?;
    let names = &crd.spec.names;
    let mut page = format!(
        "# {} ({}/{})\n\n{}\n\nShort name `{}`, category `{}`. The API server enforces every rule below; a rule \
         marked *update* compares with the stored object. A value that was stored before a rule or bound was added is kept, with a warning; it is validated when it changes.\n",
        names.kind,
        crd.spec.group,
        version.name,
        schema.description.as_deref().unwrap_or_default(),
        names.short_names.iter().flatten().cloned().collect::<Vec<_>>().join("`, `"),
        names.categories.iter().flatten().cloned().collect::<Vec<_>>().join("`, `"),
    );
    write_rules(&mut page, "The object", schema)?;
    page.push_str(
        "\n## Columns of `kubectl get`\n\n| column | from | only with `-o wide` |\n|---|---|---|\n",
    );
    for column in version.additional_printer_columns.iter().flatten() {
        let wide = if column.priority.unwrap_or_default() > 0 { "yes" } else { "" };
        writeln!(page, "| {} | `{}` | {wide} |", column.name, column.json_path)?;
    }
    for (name, property) in schema.properties.iter().flatten() {
        if matches!(name.as_str(), "spec" | "status") {
            section(&mut page, name, property)?;
        }
    }
    Ok(page)
}

/// One object: its rules, a table of its fields, then the objects inside.
fn section(page: &mut String, path: &str, schema: &JSONSchemaProps) -> anyhow::Result<()> {
    writeln!(page, "\n## `{path}`\n")?;
    if let Some(description) = &schema.description {
        writeln!(page, "{description}")?;
    }
    write_rules(page, "Rules", schema)?;
    page.push_str("\n| field | type | bounds | description |\n|---|---|---|---|\n");
    for (name, field) in schema.properties.iter().flatten() {
        let required = schema.required.iter().flatten().any(|required| required == name);
        writeln!(
            page,
            "| `{name}`{} | {} | {} | {} |",
            if required { " *(required)*" } else { "" },
            cell(&kind(field)),
            cell(&bounds(field)),
            cell(field.description.as_deref().unwrap_or_default()),
        )?;
    }
    let fields = schema.properties.iter().flatten();
    for (name, field) in fields.clone().filter(|(_, field)| object(field).is_none()) {
        write_rules(page, &format!("`{name}`"), field)?;
    }
    for (name, field) in fields {
        if let Some((suffix, inner)) = object(field) {
            section(page, &format!("{path}.{name}{suffix}"), inner)?;
        }
    }
    Ok(())
}

fn write_rules(page: &mut String, of: &str, schema: &JSONSchemaProps) -> std::fmt::Result {
    let rules: Vec<_> = schema.x_kubernetes_validations.iter().flatten().collect();
    if rules.is_empty() {
        return Ok(());
    }
    writeln!(page, "\n{of}:\n")?;
    for rule in rules {
        let transition = rule.rule.contains("oldSelf") && rule.optional_old_self != Some(true);
        let update = if transition { "*update*: " } else { "" };
        writeln!(page, "- {update}{}", rule.message.as_deref().unwrap_or(&rule.rule))?;
    }
    Ok(())
}

/// The object type of `field` or of its items, if it has fields.
fn object(field: &JSONSchemaProps) -> Option<(&'static str, &JSONSchemaProps)> {
    let (suffix, schema) = match &field.items {
        Some(JSONSchemaPropsOrArray::Schema(items)) => ("[]", &**items),
        _ => ("", field),
    };
    let ruled = field.x_kubernetes_validations.is_some() && suffix.is_empty();
    (schema.properties.is_some()
        || (ruled && schema.type_.as_deref() == Some("object") && schema.additional_properties.is_none()))
    .then_some((suffix, schema))
}

fn kind(field: &JSONSchemaProps) -> String {
    if field.x_kubernetes_int_or_string == Some(true) {
        return "integer or string".to_owned();
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &field.items {
        return format!("list of {}", kind(items));
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &field.additional_properties {
        return format!("map of {}", kind(values));
    }
    match (&field.type_, &field.format) {
        (Some(_), Some(format)) if format == "date-time" => "time".to_owned(),
        (Some(kind), Some(format)) => format!("{kind} ({format})"),
        (Some(kind), None) => kind.clone(),
        (None, _) => "any".to_owned(),
    }
}

fn bounds(field: &JSONSchemaProps) -> String {
    let mut bounds = Vec::new();
    let mut range = |what: &str, least: Option<String>, most: Option<String>| match (least, most) {
        (Some(least), Some(most)) => bounds.push(format!("{least} to {most}{what}")),
        (Some(least), None) => bounds.push(format!("at least {least}{what}")),
        (None, Some(most)) => bounds.push(format!("at most {most}{what}")),
        (None, None) => {}
    };
    let text = |value: Option<i64>| value.map(|value| value.to_string());
    range(" characters", text(field.min_length), text(field.max_length));
    range(" items", text(field.min_items), text(field.max_items));
    range(" entries", text(field.min_properties), text(field.max_properties));
    range("", field.minimum.map(|value| value.to_string()), field.maximum.map(|value| value.to_string()));
    if let Some(values) = &field.enum_ {
        bounds.push(
            values
                .iter()
                .map(|value| format!("`{}`", value.0))
                .collect::<Vec<_>>()
                .join(", ")
                .replace('"', ""),
        );
    }
    if let Some(pattern) = &field.pattern {
        bounds.push(format!("pattern `{pattern}`"));
    }
    if let Some(default) = &field.default {
        bounds.push(format!("default `{}`", default.0).replace('"', ""));
    }
    bounds.join("; ")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
