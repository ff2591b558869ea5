//! The software bill of materials of the released binary, as CycloneDX 1.6. The same lock file gives the same bytes.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::Context;
use serde::Deserialize;
use serde_json::{Value, json};
use spdx::Expression;

use crate::{
    packages::{Metadata, Package},
    workspace,
};

const BINARY: &str = "sei-operator";

/// Arguments of the command.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// File to write; standard output by default.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Writes the document.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let document = format!("{:#}\n", document()?);
    match &args.output {
        Some(path) => fs::write(path, document).with_context(|| format!("write {}", path.display()))?,
        None => print!("{document}"),
    }
    Ok(())
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

fn document() -> anyhow::Result<Value> {
    let lock = workspace()?.join("Cargo.lock");
    let text = fs::read_to_string(&lock).with_context(|| format!("read {}", lock.display()))?;
    let lock: Lock = toml::from_str(&text).with_context(|| format!("read {}", lock.display()))?;
    let checksums: BTreeMap<_, _> =
        lock.package.into_iter().map(|it| ((it.name, it.version), it.checksum)).collect();

    let metadata = Metadata::read()?;
    let release = metadata.release(BINARY)?;
    let reference = |id: &str| release.get(id).map(|(package, _)| purl(package));
    let mut components: BTreeMap<String, Value> = BTreeMap::new();
    let mut dependencies: BTreeMap<String, Value> = BTreeMap::new();
    for (package, needs) in release.values() {
        let needs: Vec<_> = needs.iter().filter_map(|id| reference(id)).collect();
        dependencies.insert(purl(package), json!({ "ref": purl(package), "dependsOn": needs }));
        let checksum = checksums.get(&(package.name.clone(), package.version.clone()));
        components.insert(purl(package), component(package, checksum.and_then(Option::as_deref)));
    }
    let root = release.values().find(|(package, _)| package.name == BINARY).map(|(package, _)| purl(package));
    let mut binary = root.and_then(|root| components.remove(&root)).context("the binary is not a package")?;
    binary["type"] = json!("application");
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "component": binary },
        "components": components.into_values().collect::<Vec<_>>(),
        "dependencies": dependencies.into_values().collect::<Vec<_>>(),
    }))
}

fn component(package: &Package, checksum: Option<&str>) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": purl(package),
        "name": package.name,
        "version": package.version,
        "purl": purl(package),
    });
    if let Some(license) = &package.license {
        let canonical = Expression::canonicalize(license).ok().flatten();
        component["licenses"] = json!([{ "expression": canonical.as_ref().unwrap_or(license) }]);
    }
    if let Some(checksum) = checksum {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    component
}

fn purl(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crate_of_the_binary_is_listed_with_license_hash_and_dependencies() {
        let document = document().unwrap();
        assert_eq!(document["metadata"]["component"]["name"], BINARY);
        let components = document["components"].as_array().unwrap();
        let rustls = components.iter().find(|component| component["name"] == "rustls").unwrap();
        assert_eq!(rustls["licenses"][0]["expression"], "Apache-2.0 OR ISC OR MIT");
        assert_eq!(rustls["hashes"][0]["content"].as_str().unwrap().len(), 64);
        let names: Vec<_> = components.iter().map(|component| &component["bom-ref"]).collect();
        for entry in document["dependencies"].as_array().unwrap() {
            for needed in entry["dependsOn"].as_array().unwrap() {
                assert!(names.contains(&needed), "{needed} is needed and not listed");
            }
        }
        assert!(components.iter().all(|component| component["name"] != "insta"), "a crate of the tests");
    }
}
