//! The control group of a cluster, in every hierarchy of the machine: it identifies the cluster's processes,
//! regardless of their parents.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

const MOUNT: &str = "/sys/fs/cgroup";
/// A group becomes empty a moment after its last process exits.
const PATIENCE: Duration = Duration::from_secs(20);

/// Creates the group, with a child group for the node's own programs. The kubelet creates those of the pods
/// next to it.
pub(crate) fn create(name: &str) -> anyhow::Result<()> {
    for hierarchy in hierarchies()? {
        let group = hierarchy.join(name);
        fs::create_dir(&group).with_context(|| format!("create {}", group.display()))?;
        // For cgroup v1: they start empty, and accept no process until set.
        for set in ["cpuset.cpus", "cpuset.mems"] {
            let (from, to) = (hierarchy.join(set), group.join(set));
            if from.exists() {
                let value = fs::read_to_string(&from).with_context(|| format!("read {}", from.display()))?;
                fs::write(&to, value).with_context(|| format!("write {}", to.display()))?;
            }
        }
    }
    let node = node(name);
    fs::create_dir(&node).with_context(|| format!("create {}", node.display()))
}

/// The group of the node's own programs.
pub(crate) fn node(name: &str) -> PathBuf {
    // Only accounting: the processes stay where they are in the hierarchies that set limits.
    let counting = Path::new(MOUNT).join("pids");
    if counting.exists() {
        counting.join(name).join("node")
    } else {
        Path::new(MOUNT).join(name).join("node")
    }
}

/// Kills every process of the group and removes it.
pub(crate) fn end(name: &str) -> anyhow::Result<()> {
    let began = Instant::now();
    for group in hierarchies()?.iter().map(|hierarchy| hierarchy.join(name)) {
        while group.exists() {
            match end_tree(&group) {
                Ok(()) => {}
                Err(error) if began.elapsed() > PATIENCE => {
                    bail!("the control group {} cannot be removed: {error}", group.display())
                }
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }
    Ok(())
}

fn end_tree(group: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(group)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            end_tree(&entry.path())?;
        }
    }
    let processes = processes(group)?;
    if !processes.is_empty() {
        // A process may have exited in the meantime; whether all have is checked below.
        Command::new("kill").arg("-KILL").args(&processes).output()?;
    }
    fs::remove_dir(group)
}

/// IDs of the processes in one group.
pub(crate) fn processes(group: &Path) -> std::io::Result<Vec<String>> {
    Ok(fs::read_to_string(group.join("cgroup.procs"))?.lines().map(str::to_owned).collect())
}

/// One for cgroup v2, or one per controller, some of them with two names.
fn hierarchies() -> anyhow::Result<Vec<PathBuf>> {
    let mount = PathBuf::from(MOUNT);
    if mount.join("cgroup.controllers").exists() {
        return Ok(vec![mount]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(&mount).with_context(|| format!("list {MOUNT}"))? {
        let path = entry?.path().canonicalize()?;
        if path.join("cgroup.procs").exists() && !found.contains(&path) {
            found.push(path);
        }
    }
    Ok(found)
}
