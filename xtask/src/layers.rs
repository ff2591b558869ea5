//! Holds the crates to the edges of docs/ARCHITECTURE.md, and the pure ones to being pure.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::{cargo, workspace};

/// Each of our crates, and the ones of ours it may use outside tests.
const EDGES: &[(&str, &[&str])] = &[
    ("sei-api", &[]),
    ("sei-tls", &[]),
    ("sei-node", &["sei-api"]),
    ("sei-plan", &["sei-api", "sei-node"]),
    ("sei-render", &["sei-api", "sei-node"]),
    ("sei-decide", &["sei-api", "sei-plan", "sei-render"]),
    ("sei-sidecar", &[]),
    ("sei-store", &[]),
    (
        "sei-controller",
        &[
            "sei-api",
            "sei-decide",
            "sei-node",
            "sei-plan",
            "sei-render",
            "sei-sidecar",
            "sei-store",
            "sei-tls",
        ],
    ),
    (
        "sei-operator",
        &["sei-api", "sei-controller", "sei-plan", "sei-render", "sei-sidecar", "sei-store", "sei-tls"],
    ),
    // For tests alone; none of these is ever part of a release.
    ("sei-testkit", &["sei-api"]),
    ("sei-apiserver-tests", &["sei-api", "sei-controller", "sei-render", "sei-sidecar", "sei-testkit"]),
    ("sei-deploy-tests", &["sei-api", "sei-controller", "sei-render", "sei-testkit"]),
    ("sei-e2e", &["sei-api"]),
    ("sei-stand-ins", &["sei-store", "sei-testkit"]),
    ("xtask", &["sei-api", "sei-controller", "sei-plan", "sei-render", "sei-testkit"]),
];
/// Crates that decide and never do.
const PURE: &[&str] = &["sei-api", "sei-node", "sei-tls", "sei-plan", "sei-render", "sei-decide"];
/// What a pure crate must not depend on.
const IMPURE_CRATES: &[&str] = &["tokio", "hyper", "axum", "tracing", "fastrand", "rand", "reqwest"];
/// What a pure crate must not say outside its tests.
const IMPURE_WORDS: &[&str] = &[
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "new_v4",
    "tracing::",
];

/// Arguments of the chore.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// Fails with every edge and word that is not allowed.
pub(crate) fn run(_: &Args) -> anyhow::Result<()> {
    let output = cargo(&["metadata", "--format-version=1", "--no-deps", "--offline"]).output();
    let output = output.context("run cargo metadata")?;
    let metadata: Value = serde_json::from_slice(&output.stdout).context("read cargo metadata")?;
    let allowed: BTreeMap<&str, &[&str]> = EDGES.iter().copied().collect();
    let mut faults = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(allowed) = allowed.get(name) else {
            faults.push(format!("{name}: say in xtask/src/layers.rs what it may use"));
            continue;
        };
        let pure = PURE.contains(&name);
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let used = dependency["name"].as_str().unwrap_or_default();
            if dependency["kind"] == "dev" {
                continue;
            }
            let ours = used.starts_with("sei-");
            if (ours && !allowed.contains(&used)) || (pure && IMPURE_CRATES.contains(&used)) {
                faults.push(format!("{name} must not use {used}"));
            }
        }
        let manifest = Path::new(package["manifest_path"].as_str().unwrap_or_default());
        if let Some(folder) = manifest.parent().filter(|_| pure) {
            words(&folder.join("src"), &mut faults)?;
        }
    }
    if !faults.is_empty() {
        bail!("layers are broken:\n  {}", faults.join("\n  "));
    }
    Ok(())
}

fn words(folder: &Path, faults: &mut Vec<String>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            words(&path, faults)?;
            continue;
        }
        let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for word in IMPURE_WORDS.iter().filter(|word| code.iter().any(|line| line.contains(**word))) {
            let path = path.strip_prefix(workspace()?).unwrap_or(&path);
            faults.push(format!("{}: a pure crate must not use {word}", path.display()));
        }
    }
    Ok(())
}
