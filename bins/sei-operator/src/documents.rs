//! The objects in a file, as kubectl reads them: one or more YAML documents, without empty ones, with lists
//! expanded.

use std::{io::Read, path::Path};

use serde_json::Value;
use serde_saphyr::UserMessageFormatter;

use crate::bad_input::bad;

/// The objects of one kind in `path`. Objects of other kinds are ignored.
pub(crate) fn of_kind(path: &Path, api_version: &str, kind: &str) -> anyhow::Result<Vec<Value>> {
    let objects = objects(path)?;
    let is_wanted = |object: &Value| object["apiVersion"] == api_version && object["kind"] == kind;
    let (wanted, others): (Vec<_>, Vec<_>) = objects.into_iter().partition(is_wanted);
    if wanted.is_empty() {
        let mut found: Vec<String> = others.iter().map(type_of).collect();
        found.dedup();
        let path = path.display();
        return Err(bad(format!(
            "{path}: apiVersion and kind must be {api_version} {kind}, not {}",
            found.join(", ")
        )));
    }
    Ok(wanted)
}

/// The only object of one kind in `path`.
pub(crate) fn one(path: &Path, api_version: &str, kind: &str) -> anyhow::Result<Value> {
    let mut objects = of_kind(path, api_version, kind)?;
    match (objects.pop(), objects.len()) {
        (Some(object), 0) => Ok(object),
        (_, others) => {
            let path = path.display();
            Err(bad(format!("{path}: there are {} objects of kind {kind}: give a file with one", others + 1)))
        }
    }
}

fn type_of(object: &Value) -> String {
    let text = |field: &str| object[field].as_str().map_or_else(|| object[field].to_string(), str::to_owned);
    format!("{} {}", text("apiVersion"), text("kind"))
}

fn objects(path: &Path) -> anyhow::Result<Vec<Value>> {
    let text = read(path).map_err(|error| bad(format!("read {}: {error}", path.display())))?;
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text).map_err(|error| {
        let rendered = error.render_with_formatter(&UserMessageFormatter);
        // Only the first line: the following lines quote the file, which may be a Secret.
        let line = rendered.lines().next().unwrap_or_default();
        bad(format!("{} is not YAML: {line}", path.display()))
    })?;
    let documents: Vec<_> = documents.into_iter().filter(|document| !document.is_null()).collect();
    if documents.is_empty() || !documents.iter().all(Value::is_object) {
        return Err(bad(format!("{}: a YAML mapping with apiVersion and kind is required", path.display())));
    }
    Ok(documents.into_iter().flat_map(items).collect())
}

fn items(mut document: Value) -> Vec<Value> {
    let is_list = document["apiVersion"] == "v1" && document["kind"] == "List";
    match document["items"].take() {
        Value::Array(items) if is_list => items,
        _ => vec![document],
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    std::fs::read_to_string(path)
}
