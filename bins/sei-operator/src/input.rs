//! Files given on the command line, and the platform settings from the environment.

use std::{collections::BTreeMap, path::Path};

use k8s_openapi::api::core::v1::Secret;
use sei_api::{ClusterDomain, SeiNode};
use sei_render::{Platform, SettingsError};
use sei_store::Bucket;
use serde_json::Value;

use crate::{admission, bad_input::bad, documents};

const API_VERSION: &str = "sei.io/v1alpha1";
const KIND: &str = "SeiNode";

/// The SeiNode in `path`, if an API server would admit it and the operator would accept it.
pub(crate) fn seinode(path: &Path) -> anyhow::Result<SeiNode> {
    accepted(path, documents::one(path, API_VERSION, KIND)?)
}

/// Every SeiNode in `path`.
pub(crate) fn seinodes(path: &Path) -> anyhow::Result<Vec<SeiNode>> {
    documents::of_kind(path, API_VERSION, KIND)?.into_iter().map(|object| accepted(path, object)).collect()
}

fn accepted(path: &Path, mut object: Value) -> anyhow::Result<SeiNode> {
    let refused = |fault: String| bad(format!("{}: {fault}", path.display()));
    admission::admit(&mut object).map_err(refused)?;
    let node: SeiNode = serde_json::from_value(object).map_err(|error| refused(error.to_string()))?;
    let faults: Vec<_> = sei_node::Node::of(&node).faults().iter().map(ToString::to_string).collect();
    if faults.is_empty() { Ok(node) } else { Err(refused(faults.join("; "))) }
}

/// The Secret in `path`, with its `stringData` merged into its data.
pub(crate) fn secret(path: &Path) -> anyhow::Result<Secret> {
    let object = documents::one(path, "v1", "Secret")?;
    // The parser's message could repeat data of the Secret.
    let mut secret: Secret = serde_json::from_value(object).map_err(|_| {
        bad(format!("{}: not a Secret: data must map names to base64, stringData to text", path.display()))
    })?;
    for (key, value) in secret.string_data.take().unwrap_or_default() {
        let value = k8s_openapi::ByteString(value.into_bytes());
        secret.data.get_or_insert_default().insert(key, value);
    }
    Ok(secret)
}

/// The platform described by the `SEI_*` variables.
pub(crate) fn platform() -> anyhow::Result<Platform> {
    Platform::from_settings(&variables("SEI_")).map_err(refused_settings)
}

/// The DNS domain of the cluster, for commands that need no other setting.
pub(crate) fn cluster_domain() -> anyhow::Result<ClusterDomain> {
    sei_render::cluster_domain(&variables("SEI_")).map_err(refused_settings)
}

fn refused_settings(error: SettingsError) -> anyhow::Error {
    bad(format!("platform settings: {}", error.lines().join("; ")))
}

/// The genesis bucket of `platform`, if the `AWS_*` variables have credentials for it.
pub(crate) fn genesis_bucket(platform: &Platform) -> anyhow::Result<Option<Bucket>> {
    let bucket = platform.genesis_bucket();
    Bucket::open(&bucket.name, &bucket.region, &variables("AWS_")).map_err(|error| bad(error.to_string()))
}

/// The environment variables whose names begin with `prefix`.
fn variables(prefix: &str) -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with(prefix))
        .collect()
}
