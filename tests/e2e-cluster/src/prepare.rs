//! The files needed to start a cluster.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use anyhow::Context;

use crate::{images::Images, needs, pki};

/// Files of the directory `etc`.
const ETC: &[(&str, &str)] = &[
    ("containerd.toml", include_str!("etc/containerd.toml")),
    ("net.d/pods.conflist", include_str!("etc/pods.conflist")),
    ("kube-proxy.yaml", include_str!("etc/kube-proxy.yaml")),
    ("Corefile", include_str!("etc/Corefile")),
    ("audit.yaml", include_str!("etc/audit.yaml")),
    ("objects.yaml", include_str!("etc/objects.yaml")),
    ("resolv.conf", "nameserver 10.250.0.1\n"),
    // What pods see of the machine's host names.
    ("empty", ""),
];

/// The parts of a cluster.
pub struct Parts {
    /// The command that calls [`crate::run`] with the directory that follows as its last argument.
    pub node: Vec<OsString>,
    /// Directories with the node's programs.
    pub programs: Vec<PathBuf>,
    /// The operator's program, whose commands a user runs.
    pub operator: PathBuf,
    /// Directory with the archives of all images.
    pub archives: PathBuf,
    /// Names of the images.
    pub images: Images,
    /// Directory with the CRDs of cert-manager.
    pub crds: PathBuf,
}

/// Writes everything to the cluster's directory.
pub(crate) fn write(parts: &Parts, folder: &Path, cgroup: &str) -> anyhow::Result<()> {
    pki::write(folder).context("create the certificates")?;
    let etc = folder.join("etc");
    fs::create_dir_all(etc.join("net.d")).with_context(|| format!("create {}", etc.display()))?;
    for (name, text) in ETC {
        fs::write(etc.join(name), text).with_context(|| format!("write {name}"))?;
    }
    let kubelet = format!("{}cgroupRoot: /{cgroup}\n", include_str!("etc/kubelet.yaml"));
    fs::write(etc.join("kubelet.yaml"), kubelet).context("write kubelet.yaml")?;
    let bin = folder.join("bin");
    fs::create_dir(&bin).context("create bin")?;
    for programs in &parts.programs {
        for entry in fs::read_dir(programs).with_context(|| format!("list {}", programs.display()))? {
            let entry = entry?;
            // Links point to given programs; a directory is used by a concurrent build.
            if !entry.file_type()?.is_dir() {
                link(&entry.path(), &bin.join(entry.file_name()))?;
            }
        }
    }
    link(&parts.operator, &bin.join("sei-operator"))?;
    link(&parts.crds, &etc.join("crds"))?;
    link(&parts.archives, &folder.join("images"))?;
    parts.images.record(folder)?;
    link(needs::plugins().context("the network plugins are missing")?, &folder.join("cni"))
}

fn link(to: &Path, from: &Path) -> anyhow::Result<()> {
    symlink(to, from).with_context(|| format!("link {}", to.display()))
}
