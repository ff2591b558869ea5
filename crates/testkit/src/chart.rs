//! The Helm chart in `deploy/`, rendered by the real helm.

use std::{
    ffi::OsStr,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, bail};
use serde_json::Value;

/// Name of the release, and therefore of the operator's objects.
pub const RELEASE: &str = "sei-operator";
/// Namespace of the operator.
pub const NAMESPACE: &str = "sei-operator-system";

/// Folder of the chart.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/chart/sei-operator")
}

/// Every object of an installation with `values`.
///
/// # Errors
/// The error of helm.
pub fn render(values: &Value) -> anyhow::Result<Vec<Value>> {
    let chart = folder();
    let arguments: [&OsStr; 7] = [
        "template".as_ref(),
        RELEASE.as_ref(),
        chart.as_os_str(),
        "--namespace".as_ref(),
        NAMESPACE.as_ref(),
        "--values".as_ref(),
        "-".as_ref(),
    ];
    objects(&helm(&arguments, &values.to_string())?)
}

/// The objects of a manifest.
///
/// # Errors
/// If it is not YAML.
pub fn objects(manifest: &str) -> anyhow::Result<Vec<Value>> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(manifest).context("read the manifest")?;
    Ok(documents.into_iter().filter(|document| !document.is_null()).collect())
}

/// Runs helm with `input` as standard input, and returns its output.
///
/// # Errors
/// The error of helm.
pub fn helm<S: AsRef<OsStr>>(arguments: &[S], input: &str) -> anyhow::Result<String> {
    let program = std::env::var_os("HELM")
        .context("HELM is not set: run `cargo xtask test`, or export HELM=$(cargo xtask tools helm)/helm")?;
    let mut child = Command::new(&program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("run {}", program.display()))?;
    // It may exit before it has read everything; its output is what matters.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().context("wait for helm")?;
    if !output.status.success() {
        bail!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8(output.stdout).context("read what helm prints")
}

/// The object of `kind` called `name`.
pub fn find<'a>(objects: &'a [Value], kind: &str, name: &str) -> Option<&'a Value> {
    objects.iter().find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
}
