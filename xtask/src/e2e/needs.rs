//! What a machine must have for the cluster, said all at once.

use std::{fs, path::Path};

use anyhow::bail;

/// Program and the Debian package that has it.
const PROGRAMS: &[(&str, &str)] = &[
    ("containerd", "containerd"),
    ("runc", "runc"),
    ("nft", "nftables"),
    ("ip", "iproute2"),
    ("unshare", "util-linux"),
    ("nsenter", "util-linux"),
    ("setsid", "util-linux"),
    ("mount", "mount"),
    // What the images and the scenarios are made with.
    ("busybox", "busybox-static"),
    ("tar", "tar"),
    ("gzip", "gzip"),
    ("curl", "curl"),
    ("openssl", "openssl"),
];
/// Where programs are looked for, by this check and inside the node.
pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Where network plugins lie: Debian's folder, and that of other distributions.
const PLUGINS: &str = "/usr/lib/cni:/opt/cni/bin";

/// Fails with everything that is missing.
pub(super) fn check(state: &Path) -> anyhow::Result<()> {
    let mut faults = Vec::new();
    let is_root =
        fs::read_to_string("/proc/self/status").is_ok_and(|status| status.contains("\nUid:\t0\t0\t"));
    if !is_root {
        faults.push("it makes namespaces and mounts: run it as root".to_owned());
    }
    let missing = PROGRAMS.iter().filter(|(program, _)| folder_of(program, PATH).is_none());
    let mut packages: Vec<_> = missing.map(|(_, package)| *package).collect();
    if plugins().is_none() {
        packages.push("containernetworking-plugins");
    }
    packages.dedup();
    if !packages.is_empty() {
        let packages = packages.join(" ");
        faults.push(format!(
            "programs are missing: apt-get update && apt-get install --no-install-recommends {packages}"
        ));
    }
    if !Path::new("/proc/sys/net/bridge").exists() {
        faults.push("the kernel does not filter bridged packets: modprobe br_netfilter".to_owned());
    }
    if !fs::read_to_string("/proc/filesystems").is_ok_and(|known| known.contains("\toverlay\n")) {
        faults.push("the kernel has no overlay file system: modprobe overlay".to_owned());
    }
    if file_system(state).as_deref() == Some("overlay") {
        let state = state.display();
        faults.push(format!(
            "{state} lies on an overlay file system, which cannot carry containers: give a folder on a disk with --state"
        ));
    }
    if !faults.is_empty() {
        bail!("the cluster cannot run here:\n  {}", faults.join("\n  "));
    }
    Ok(())
}

/// The folder of the network plugins.
pub(super) fn plugins() -> Option<&'static Path> {
    folder_of("bridge", PLUGINS)
}

fn folder_of(program: &str, folders: &'static str) -> Option<&'static Path> {
    folders.split(':').map(Path::new).find(|folder| folder.join(program).is_file())
}

/// Type of the file system that carries a folder, or will.
fn file_system(folder: &Path) -> Option<String> {
    let folder = folder.ancestors().find_map(|folder| folder.canonicalize().ok())?;
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?, words.next()?))
    });
    // Of mounts over one another the last holds.
    let (_, kind) =
        mounts.filter(|(point, _)| folder.starts_with(point)).max_by_key(|(point, _)| point.len())?;
    Some(kind.to_owned())
}
