//! Checks the crates against docs/ARCHITECTURE.md: edges between crates, no import circle inside one, pure
//! crates that are pure with the features they are built with, and each crate complete without the others.

mod circles;
mod edges;
mod features;
mod modules;
mod purity;

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::{cargo, workspace};

/// Each crate of the workspace, and those that it may use outside tests.
pub(crate) const EDGES: &[(&str, &[&str])] = &[
    ("sei-api", &[]),
    ("sei-tls", &[]),
    ("sei-node", &["sei-api"]),
    ("sei-plan", &["sei-api", "sei-node"]),
    ("sei-render", &["sei-api", "sei-node"]),
    ("sei-decide", &["sei-api", "sei-node", "sei-plan", "sei-render"]),
    ("sei-deployment", &["sei-api", "sei-plan", "sei-render"]),
    ("sei-node-task", &["sei-api", "sei-decide"]),
    ("sei-doctor", &["sei-api", "sei-render"]),
    ("sei-migrate", &["sei-api", "sei-decide", "sei-deployment", "sei-plan", "sei-render"]),
    ("sei-report", &["sei-api", "sei-plan"]),
    ("sei-tls-rollout", &["sei-api", "sei-deployment"]),
    ("sei-sidecar", &[]),
    ("sei-store", &[]),
    ("sei-traces", &[]),
    (
        "sei-controller",
        &[
            "sei-api",
            "sei-decide",
            "sei-deployment",
            "sei-node",
            "sei-node-task",
            "sei-plan",
            "sei-render",
            "sei-sidecar",
            "sei-store",
            "sei-tls",
        ],
    ),
    (
        "sei-operator",
        &[
            "sei-api",
            "sei-controller",
            "sei-deployment",
            "sei-doctor",
            "sei-migrate",
            "sei-node",
            "sei-plan",
            "sei-render",
            "sei-report",
            "sei-sidecar",
            "sei-store",
            "sei-tls",
            "sei-tls-rollout",
            "sei-traces",
        ],
    ),
    // Only for tests; none of these is ever part of a release.
    ("sei-testkit", &["sei-api"]),
    ("sei-oci", &[]),
    (
        "sei-apiserver-tests",
        &["sei-api", "sei-controller", "sei-deployment", "sei-render", "sei-sidecar", "sei-testkit"],
    ),
    ("sei-bench", &["sei-api", "sei-charts", "sei-controller", "sei-testkit"]),
    ("sei-charts", &[]),
    ("sei-deploy-tests", &["sei-api", "sei-controller", "sei-render", "sei-testkit"]),
    ("sei-e2e", &["sei-api", "sei-e2e-cluster", "sei-testkit"]),
    ("sei-e2e-cluster", &["sei-oci", "sei-testkit"]),
    ("sei-stand-ins", &["sei-store", "sei-testkit"]),
    (
        "xtask",
        &[
            "sei-api",
            "sei-charts",
            "sei-controller",
            "sei-e2e-cluster",
            "sei-node",
            "sei-oci",
            "sei-plan",
            "sei-testkit",
        ],
    ),
];
/// Packages of development. They are only built from the workspace, so they are compiled together.
pub(crate) const DEVELOPMENT: &[&str] = &[
    "sei-testkit",
    "sei-oci",
    "sei-apiserver-tests",
    "sei-bench",
    "sei-charts",
    "sei-deploy-tests",
    "sei-e2e",
    "sei-e2e-cluster",
    "sei-stand-ins",
    "xtask",
];
/// Features that are off by default.
const OPTIONAL: &[(&str, &str)] = &[("sei-operator", "otlp")];
/// Crates that decide and have no effects.
pub(crate) const PURE: &[&str] = &[
    "sei-api",
    "sei-node",
    "sei-tls",
    "sei-plan",
    "sei-render",
    "sei-decide",
    "sei-deployment",
    "sei-node-task",
    "sei-report",
    "sei-tls-rollout",
    "sei-doctor",
    "sei-migrate",
];

/// Arguments of the command.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Also compile each crate of the product without the features that other crates enable in its dependencies.
    #[arg(long)]
    pub(crate) alone: bool,
}

/// Fails with all violations.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let packages = packages()?;
    let mut faults = edges::faults(&packages, EDGES);
    for package in &packages {
        for target in &package.targets {
            let modules = modules::Modules::read(target)?;
            faults.extend(
                circles::circles(&modules.imports())
                    .iter()
                    .map(|circle| format!("{}: {circle}", package.name)),
            );
        }
        if PURE.contains(&package.name.as_str()) {
            faults.extend(purity::faults(&package.folder)?);
            faults.extend(features::faults(&package.name, &workspace()?)?);
        }
    }
    if !faults.is_empty() {
        bail!("layers are broken:\n  {}", faults.join("\n  "));
    }
    if args.alone {
        let names = packages.iter().map(|package| package.name.as_str());
        for name in names.filter(|name| !DEVELOPMENT.contains(name)) {
            compile_alone(&[name], &[])?;
        }
        for (name, features) in OPTIONAL {
            compile_alone(&[name], &["--features", features])?;
        }
        compile_alone(DEVELOPMENT, &[])?;
    }
    Ok(())
}

/// A crate of the workspace.
struct Package {
    name: String,
    folder: PathBuf,
    /// Crates of the workspace that it depends on outside tests.
    uses: Vec<String>,
    /// Root files of its library and programs.
    targets: Vec<PathBuf>,
}

fn packages() -> anyhow::Result<Vec<Package>> {
    let output = cargo(&["metadata", "--format-version=1", "--no-deps", "--offline"]).output();
    let metadata: Value = serde_json::from_slice(&output.context("run cargo metadata")?.stdout)
        .context("read cargo metadata")?;
    metadata["packages"].as_array().context("cargo metadata lists no packages")?.iter().map(package).collect()
}

fn package(package: &Value) -> anyhow::Result<Package> {
    let list = |key: &str| package[key].as_array().into_iter().flatten();
    let manifest = Path::new(package["manifest_path"].as_str().context("a package without manifest")?);
    let product = |target: &&Value| {
        let kinds = target["kind"].as_array().into_iter().flatten();
        kinds.into_iter().any(|kind| kind == "lib" || kind == "bin")
    };
    let ours = |name: &&str| name.starts_with("sei-");
    Ok(Package {
        name: package["name"].as_str().context("a package without name")?.to_owned(),
        folder: manifest.parent().context("a manifest without folder")?.to_owned(),
        uses: list("dependencies")
            .filter(|dependency| dependency["kind"] != "dev")
            .filter_map(|dependency| dependency["name"].as_str().filter(ours).map(str::to_owned))
            .collect(),
        targets: list("targets")
            .filter(product)
            .filter_map(|target| target["src_path"].as_str().map(PathBuf::from))
            .collect(),
    })
}

/// Compiles packages with only the features that they request themselves.
fn compile_alone(packages: &[&str], more: &[&str]) -> anyhow::Result<()> {
    let (start, names) = (Instant::now(), packages.join(", "));
    let mut check = cargo(&["check", "--quiet", "--locked"]);
    check.args(packages.iter().flat_map(|name| ["--package", name])).args(more);
    if !check.status()?.success() {
        bail!(
            "{names} {}: do not compile alone; a Cargo.toml lacks a dependency or a feature that is used",
            more.join(" ")
        );
    }
    eprintln!("{names}: compiled alone ({:.1} s)", start.elapsed().as_secs_f32());
    Ok(())
}
