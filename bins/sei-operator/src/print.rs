//! Manifests on standard output.

use serde_json::Value;

use crate::cli::Manifest;

pub(crate) fn manifest(object: &Value, form: Manifest) -> anyhow::Result<()> {
    match form {
        Manifest::Yaml => print!("{}", serde_saphyr::to_string(object)?),
        Manifest::Json => println!("{}", serde_json::to_string_pretty(object)?),
    }
    Ok(())
}
