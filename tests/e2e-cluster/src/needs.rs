//! Requirements of the cluster on the machine, all reported together.

use std::{fs, path::Path};

use anyhow::bail;

/// Programs and the Debian packages that contain them.
const PROGRAMS: &[(&str, &str)] = &[
    ("containerd", "containerd"),
    ("runc", "runc"),
    ("nft", "nftables"),
    ("ip", "iproute2"),
    ("unshare", "util-linux"),
    ("nsenter", "util-linux"),
    ("setsid", "util-linux"),
    ("mount", "mount"),
    // Needed to build the images and for the scenarios.
    ("busybox", "busybox-static"),
    ("tar", "tar"),
    ("gzip", "gzip"),
    ("curl", "curl"),
    ("openssl", "openssl"),
];
/// PATH of this check and of programs inside the node.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Directories of network plugins: Debian's, and that of other distributions.
const PLUGINS: &str = "/usr/lib/cni:/opt/cni/bin";

/// Checks whether the cluster can run on this machine with its directory `state`.
///
/// # Errors
/// All missing requirements.
pub fn check(state: &Path) -> anyhow::Result<()> {
    let mut faults = Vec::new();
    let is_root =
        fs::read_to_string("/proc/self/status").is_ok_and(|status| status.contains("\nUid:\t0\t0\t"));
    if !is_root {
        faults.push("it creates namespaces and mounts: run it as root".to_owned());
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
            "{state} is on an overlay file system, on which containers cannot run: pass a directory on a disk with --state"
        ));
    }
    if !faults.is_empty() {
        bail!("the cluster cannot run here:\n  {}", faults.join("\n  "));
    }
    Ok(())
}

/// The directory of the network plugins.
pub(crate) fn plugins() -> Option<&'static Path> {
    folder_of("bridge", PLUGINS)
}

fn folder_of(program: &str, folders: &'static str) -> Option<&'static Path> {
    folders.split(':').map(Path::new).find(|folder| folder.join(program).is_file())
}

/// Type of the file system of a directory, which may not exist yet.
fn file_system(folder: &Path) -> Option<String> {
    let folder = folder.ancestors().find_map(|folder| folder.canonicalize().ok())?;
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?, words.next()?))
    });
    // The last of several mounts on the same path applies.
    let (_, kind) =
        mounts.filter(|(point, _)| folder.starts_with(point)).max_by_key(|(point, _)| point.len())?;
    Some(kind.to_owned())
}
