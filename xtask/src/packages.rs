//! The packages of the workspace and their dependencies, as cargo resolves them for this machine.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use serde::Deserialize;

use crate::{cargo, host};

/// The used part of the output of `cargo metadata`.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    resolve: Resolve,
}

/// One package.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
    /// Its source; `None` for the packages of the workspace.
    pub(crate) source: Option<String>,
    manifest_path: PathBuf,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    /// `None` for a normal dependency, or else `dev` or `build`.
    kind: Option<String>,
}

impl Package {
    /// Directory of its source.
    pub(crate) fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(&self.manifest_path)
    }
}

impl Metadata {
    /// Runs `cargo metadata`.
    pub(crate) fn read() -> anyhow::Result<Self> {
        let output = cargo(&["metadata", "--format-version=1", "--locked", "--filter-platform", &host()?])
            .output()
            .context("run cargo metadata")?;
        if !output.status.success() {
            bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
        }
        serde_json::from_slice(&output.stdout).context("read the output of cargo metadata")
    }

    /// `root` and its normal dependencies, direct and indirect, with the IDs of the dependencies of each.
    /// Dependencies of macros are included, although they are not linked.
    pub(crate) fn release(&self, root: &str) -> anyhow::Result<BTreeMap<&str, (&Package, BTreeSet<&str>)>> {
        let packages: BTreeMap<_, _> = self.packages.iter().map(|it| (it.id.as_str(), it)).collect();
        let nodes: BTreeMap<_, _> = self.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
        let root = self.packages.iter().find(|package| package.name == root).context("no such package")?;
        let mut found = BTreeMap::new();
        let mut open = vec![root.id.as_str()];
        while let Some(id) = open.pop() {
            if found.contains_key(id) {
                continue;
            }
            let (package, node) = packages.get(id).zip(nodes.get(id)).with_context(|| format!("no {id}"))?;
            let is_normal =
                |dependency: &&Dependency| dependency.dep_kinds.iter().any(|it| it.kind.is_none());
            let normal: BTreeSet<_> = node.deps.iter().filter(is_normal).map(|it| it.pkg.as_str()).collect();
            open.extend(&normal);
            found.insert(id, (*package, normal));
        }
        Ok(found)
    }
}
