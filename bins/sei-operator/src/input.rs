//! Files given on the command line, and the platform settings of the environment.

use std::{collections::BTreeMap, io::Read, path::Path};

use k8s_openapi::api::core::v1::Secret;
use sei_api::SeiNode;
use sei_render::Platform;
use sei_store::Bucket;
use serde_json::Value;

use crate::admission;

/// Input at fault, in one line that says where and what is allowed.
#[derive(Debug)]
pub(crate) struct BadInput(pub(crate) String);

impl std::fmt::Display for BadInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadInput {}

pub(crate) fn bad(message: impl Into<String>) -> anyhow::Error {
    BadInput(message.into().replace('\n', " ")).into()
}

/// The SeiNode in `path`, as an API server would admit it and the operator would accept it.
pub(crate) fn seinode(path: &Path) -> anyhow::Result<SeiNode> {
    let mut object = document(path)?;
    kind(path, &object, "sei.io/v1alpha1", "SeiNode")?;
    admission::admit(&mut object).map_err(|fault| bad(format!("{}: {fault}", path.display())))?;
    let node: SeiNode =
        serde_json::from_value(object).map_err(|error| bad(format!("{}: {error}", path.display())))?;
    let faults: Vec<_> = sei_plan::validate(&node).iter().map(ToString::to_string).collect();
    if !faults.is_empty() {
        return Err(bad(format!("{}: {}", path.display(), faults.join("; "))));
    }
    Ok(node)
}

/// The Secret in `path`, its `stringData` taken into its data.
pub(crate) fn secret(path: &Path) -> anyhow::Result<Secret> {
    let object = document(path)?;
    kind(path, &object, "v1", "Secret")?;
    // The parser's words could repeat what the Secret holds.
    let mut secret: Secret = serde_json::from_value(object).map_err(|_| {
        bad(format!("{}: not a Secret: data must map names to base64, stringData to text", path.display()))
    })?;
    for (key, value) in secret.string_data.take().unwrap_or_default() {
        let value = k8s_openapi::ByteString(value.into_bytes());
        secret.data.get_or_insert_default().insert(key, value);
    }
    Ok(secret)
}

/// The platform that the `SEI_*` variables describe.
pub(crate) fn platform() -> anyhow::Result<Platform> {
    Platform::from_settings(&variables("SEI_"))
        .map_err(|error| bad(format!("platform settings: {}", error.lines().join("; "))))
}

/// The genesis bucket of `platform`, if the `AWS_*` variables have credentials for it.
pub(crate) fn genesis_bucket(platform: &Platform) -> anyhow::Result<Option<Bucket>> {
    let bucket = platform.genesis_bucket();
    Bucket::open(&bucket.name, &bucket.region, &variables("AWS_")).map_err(|error| bad(error.to_string()))
}

/// The variables of the environment whose names begin with `prefix`.
fn variables(prefix: &str) -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with(prefix))
        .collect()
}

fn document(path: &Path) -> anyhow::Result<Value> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text))
    };
    read.map_err(|error| bad(format!("read {}: {error}", path.display())))?;
    let object: Value = serde_saphyr::from_str(&text).map_err(|error| {
        let line = error.to_string();
        // Only the first line: those after it quote the file, which may be a Secret.
        bad(format!(
            "{} is not one YAML document: {}",
            path.display(),
            line.lines().next().unwrap_or_default()
        ))
    })?;
    object
        .is_object()
        .then_some(object)
        .ok_or_else(|| bad(format!("{}: a YAML mapping with apiVersion and kind is wanted", path.display())))
}

fn kind(path: &Path, object: &Value, api_version: &str, kind: &str) -> anyhow::Result<()> {
    if object["apiVersion"] == api_version && object["kind"] == kind {
        return Ok(());
    }
    let found = format!("{} {}", object["apiVersion"], object["kind"]);
    Err(bad(format!("{}: apiVersion and kind must be {api_version} {kind}, not {found}", path.display())))
}
