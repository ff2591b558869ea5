//! The images of the cluster: their names, and their archives.

mod archives;
mod given;
mod tools;

use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

pub use archives::write;

/// Names of the images, as used by pods.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Images {
    /// Used by the container runtime to hold a pod's namespaces.
    pub pause: String,
    /// A shell with curl and openssl.
    pub tools: String,
    /// The operator.
    pub operator: String,
    /// Two versions of seid.
    pub seid: [String; 2],
    /// seictl.
    pub sidecar: Part,
    /// The newest release of it; the same image if that is the real one.
    pub newest_sidecar: String,
    /// kube-rbac-proxy.
    pub rbac_proxy: Part,
    /// cosmos-exporter.
    pub cosmos_exporter: String,
    /// An object store.
    pub s3: String,
}

/// An image of another project, or its stand-in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Part {
    /// Name, as used by pods.
    pub name: String,
    /// Whether it is the real one.
    pub real: bool,
}

/// File with the names, in the cluster's directory.
const FILE: &str = "images.json";

impl Images {
    /// All names.
    pub fn names(&self) -> Vec<&str> {
        let single = [&self.pause, &self.tools, &self.operator, &self.cosmos_exporter, &self.s3];
        let parts = [&self.rbac_proxy.name, &self.sidecar.name, &self.newest_sidecar];
        let mut names: Vec<_> =
            single.into_iter().chain(&self.seid).chain(parts).map(String::as_str).collect();
        names.dedup();
        names
    }

    /// Reads the names of the images of the cluster with directory `state`.
    ///
    /// # Errors
    /// If there is no cluster.
    pub fn read(state: &Path) -> anyhow::Result<Self> {
        let path = state.join(FILE);
        let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("read {}", path.display()))
    }

    /// Writes them to the cluster's directory.
    pub(crate) fn record(&self, state: &Path) -> anyhow::Result<()> {
        let names = serde_json::to_string(self).context("the names of the images")?;
        std::fs::write(state.join(FILE), names).with_context(|| format!("write {FILE}"))
    }
}
