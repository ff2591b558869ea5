//! Names of the images of pods, as written by `cargo xtask e2e`.

use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

/// Names of all images.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Images {
    /// A shell with curl and openssl.
    pub(crate) tools: String,
    /// The operator.
    pub(crate) operator: String,
    /// Two versions of seid.
    pub(crate) seid: [String; 2],
    /// seictl.
    pub(crate) sidecar: Part,
    /// kube-rbac-proxy.
    pub(crate) rbac_proxy: Part,
    /// cosmos-exporter.
    pub(crate) cosmos_exporter: String,
}

/// A third-party image, or its stand-in.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Part {
    /// Name.
    pub(crate) name: String,
    /// Whether it is the real one.
    pub(crate) real: bool,
}

impl Images {
    /// Reads the images of the cluster with directory `state`.
    pub(crate) fn read(state: &Path) -> anyhow::Result<Self> {
        let path = state.join("images.json");
        let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("read {}", path.display()))
    }
}
