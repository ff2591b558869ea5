//! The files that a cluster starts from.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde_json::{Value, json};

use super::{needs, pki};

/// Files of the folder `etc`.
const ETC: &[(&str, &str)] = &[
    ("containerd.toml", include_str!("etc/containerd.toml")),
    ("net.d/pods.conflist", include_str!("etc/pods.conflist")),
    ("kube-proxy.yaml", include_str!("etc/kube-proxy.yaml")),
    ("Corefile", include_str!("etc/Corefile")),
    ("audit.yaml", include_str!("etc/audit.yaml")),
    ("objects/cluster.yaml", include_str!("etc/objects.yaml")),
    ("resolv.conf", "nameserver 10.250.0.1\n"),
    // What pods see of the machine's names.
    ("empty", ""),
];

/// What a cluster is made of.
pub(super) struct Parts {
    /// Folders whose programs the node has.
    pub(super) programs: Vec<PathBuf>,
    /// Folder of image archives.
    pub(super) images: PathBuf,
    /// Folder of cert-manager's custom resources.
    pub(super) crds: PathBuf,
}

/// Writes everything into the cluster's folder.
pub(super) fn write(parts: &Parts, folder: &Path, cgroup: &str) -> anyhow::Result<()> {
    pki::write(folder).context("make the certificates")?;
    let etc = folder.join("etc");
    for sub in ["net.d", "objects"] {
        fs::create_dir_all(etc.join(sub)).with_context(|| format!("create {}", etc.display()))?;
    }
    for (name, text) in ETC {
        fs::write(etc.join(name), text).with_context(|| format!("write {name}"))?;
    }
    let kubelet = format!("{}cgroupRoot: /{cgroup}\n", include_str!("etc/kubelet.yaml"));
    fs::write(etc.join("kubelet.yaml"), kubelet).context("write kubelet.yaml")?;
    write_crds(&parts.crds, &etc.join("objects")).context("write the custom resources of cert-manager")?;
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
    link(&parts.images, &folder.join("images"))?;
    link(needs::plugins().context("the network plugins are missing")?, &folder.join("cni"))
}

fn link(to: &Path, from: &Path) -> anyhow::Result<()> {
    symlink(to, from).with_context(|| format!("link {}", to.display()))
}

/// The files as they lie in the module are templates in one place: their labels.
fn write_crds(from: &Path, to: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("list {}", from.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
            let mut crd: Value =
                serde_saphyr::from_str(&text).with_context(|| format!("read {}", path.display()))?;
            crd["metadata"]["labels"] = json!({});
            let name = path.with_extension("json");
            fs::write(to.join(name.file_name().context("a file has a name")?), crd.to_string())?;
        }
    }
    Ok(())
}
