//! Builds Go programs from their modules.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, bail};

use super::Program;

/// Builds programs of one module into a directory. `stamp` is the Go variable with their version, and its
/// value.
pub(super) fn programs(
    module: &Path,
    programs: &[&Program],
    stamp: &str,
    tags: &str,
    folder: &Path,
) -> anyhow::Result<()> {
    let names: Vec<_> = programs.iter().map(|program| program.name).collect();
    eprintln!("building {} from Go modules (once; some take minutes)…", names.join(", "));
    let began = Instant::now();
    // In a separate directory until all are complete: an interrupted build leaves nothing that looks
    // complete.
    let part =
        tempfile::Builder::new().prefix(".building-").tempdir_in(folder).context("a folder to build in")?;
    let status = Command::new("go")
        .args(["build", "-trimpath", "-tags", tags, "-ldflags", &format!("-s -w -X {stamp}"), "-o"])
        .arg(part.path())
        .args(programs.iter().map(|program| program.package))
        .env("CGO_ENABLED", "0")
        .current_dir(module)
        .status();
    let status = match status {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => bail!(
            "Go is not installed: install Go 1.26 or newer (https://go.dev/doc/install), or set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver and kubectl"
        ),
        status => status.context("run go")?,
    };
    if !status.success() {
        bail!("go build of {} failed: its output is above", names.join(", "));
    }
    for program in programs {
        std::fs::rename(part.path().join(file(program.package)), folder.join(program.name))
            .with_context(|| format!("put {} in place", program.name))?;
    }
    eprintln!("built {} in {} s", names.join(", "), began.elapsed().as_secs());
    Ok(())
}

/// The directory in which Go stores the source of a required module.
pub(super) fn source(module: &Path, required: &str) -> anyhow::Result<PathBuf> {
    let output = Command::new("go")
        .args(["mod", "download", "-json", required])
        .current_dir(module)
        .output()
        .context("run go")?;
    let answer: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("read the output of go mod download")?;
    let folder =
        answer["Dir"].as_str().with_context(|| format!("go has no source of {required}: {answer}"))?;
    Ok(folder.into())
}

/// Go's name for the program of a package: the last element of its path that is not a major version.
fn file(package: &str) -> &str {
    let is_version = |name: &&str| name.strip_prefix('v').is_some_and(|digits| digits.parse::<u32>().is_ok());
    package.rsplit('/').find(|name| !is_version(name)).unwrap_or(package)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_has_the_name_that_go_gives_it() {
        assert_eq!(file("k8s.io/kubernetes/cmd/kubelet"), "kubelet");
        assert_eq!(file("go.etcd.io/etcd/server/v3"), "server");
    }
}
