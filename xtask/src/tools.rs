//! The control plane of tests and demo: built once from the Go modules that `tests/tools/go.mod` pins.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, bail};

use crate::workspace;

/// What is built: file name and Go package.
const TOOLS: &[(&str, &str)] = &[
    ("etcd", "go.etcd.io/etcd/server/v3"),
    ("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager"),
    ("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
    ("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
];
/// The version that the API server says it is; without it, it calls itself v0.0.0 and clients misbehave.
const VERSION: &str = "v1.35.4";

/// Arguments of the chore.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// Builds what is missing and prints the folder.
pub(crate) fn run(_: &Args) -> anyhow::Result<()> {
    println!("{}", ensure()?.display());
    Ok(())
}

/// A folder with every tool: taken from `KUBEBUILDER_ASSETS` when set, built where missing.
pub(crate) fn ensure() -> anyhow::Result<PathBuf> {
    let cache = workspace()?.join(".cache").join("control-plane");
    let given = std::env::var_os("KUBEBUILDER_ASSETS").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let folder = cache.join(if given.is_some() { "given" } else { VERSION });
    std::fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    for (name, package) in TOOLS {
        let place = folder.join(name);
        if let Some(tool) = given.as_ref().map(|given| given.join(name)).filter(|tool| tool.is_file()) {
            // Left by an earlier run that was given another folder.
            let _ = std::fs::remove_file(&place);
            let tool = tool.canonicalize().with_context(|| format!("find {}", tool.display()))?;
            std::os::unix::fs::symlink(&tool, &place).with_context(|| format!("link {}", tool.display()))?;
        } else if !place.is_file() {
            build(name, package, &folder)?;
        }
    }
    Ok(folder)
}

fn build(name: &str, package: &str, folder: &Path) -> anyhow::Result<()> {
    eprintln!("building {name} {VERSION} from Go modules (once; kube-apiserver takes some minutes)…");
    let began = Instant::now();
    // Under another name until it is whole: an interrupted build leaves nothing that looks finished.
    let part = folder.join(format!("{name}.part"));
    let version = format!("-s -w -X k8s.io/component-base/version.gitVersion={VERSION}");
    let arguments: [&OsStr; 6] = [
        "build".as_ref(),
        "-trimpath".as_ref(),
        "-ldflags".as_ref(),
        version.as_ref(),
        "-o".as_ref(),
        part.as_ref(),
    ];
    let status = Command::new("go")
        .args(arguments)
        .arg(package)
        .env("CGO_ENABLED", "0")
        .current_dir(workspace()?.join("tests/tools"))
        .status();
    let status = match status {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => bail!(
            "Go is not installed: install Go 1.26 or newer (https://go.dev/doc/install), or set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver and kubectl"
        ),
        status => status.context("run go")?,
    };
    if !status.success() {
        bail!("go build {package} failed: its output is above");
    }
    std::fs::rename(&part, folder.join(name)).with_context(|| format!("put {name} in place"))?;
    eprintln!("built {name} in {} s", began.elapsed().as_secs());
    Ok(())
}
