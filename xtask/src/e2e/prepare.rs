//! The files that a cluster starts from.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use anyhow::Context;

use super::{needs, pki};
use crate::image::cluster::Images;

/// Files of the folder `etc`.
const ETC: &[(&str, &str)] = &[
    ("containerd.toml", include_str!("etc/containerd.toml")),
    ("net.d/pods.conflist", include_str!("etc/pods.conflist")),
    ("kube-proxy.yaml", include_str!("etc/kube-proxy.yaml")),
    ("Corefile", include_str!("etc/Corefile")),
    ("audit.yaml", include_str!("etc/audit.yaml")),
    ("objects.yaml", include_str!("etc/objects.yaml")),
    ("resolv.conf", "nameserver 10.250.0.1\n"),
    // What pods see of the machine's names.
    ("empty", ""),
];

/// What a cluster is made of.
pub(super) struct Parts {
    /// Folders whose programs the node has.
    pub(super) programs: Vec<PathBuf>,
    /// Folder of the archives of all images.
    pub(super) archives: PathBuf,
    /// Their names.
    pub(super) images: Images,
    /// Folder of cert-manager's custom resource definitions.
    pub(super) crds: PathBuf,
}

/// Writes everything into the cluster's folder.
pub(super) fn write(parts: &Parts, folder: &Path, cgroup: &str) -> anyhow::Result<()> {
    pki::write(folder).context("make the certificates")?;
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
            // Links are those to given programs; a folder is what another run builds in.
            if !entry.file_type()?.is_dir() {
                link(&entry.path(), &bin.join(entry.file_name()))?;
            }
        }
    }
    link(&parts.crds, &etc.join("crds"))?;
    link(&parts.archives, &folder.join("images"))?;
    let names = serde_json::to_string(&parts.images).context("the names of the images")?;
    fs::write(folder.join("images.json"), names).context("write images.json")?;
    link(needs::plugins().context("the network plugins are missing")?, &folder.join("cni"))
}

fn link(to: &Path, from: &Path) -> anyhow::Result<()> {
    symlink(to, from).with_context(|| format!("link {}", to.display()))
}
