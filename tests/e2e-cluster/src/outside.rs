//! The cluster from the machine's point of view: its directory, its start, access to it, its end.
//!
//! Network, mounts and processes of the node are in namespaces that last as long as its first process.
//! Killing that one ends everything; empty control groups and the directory remain.

use std::{
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};

use crate::{
    INSIDE, cgroups, needs,
    prepare::{self, Parts},
};

const PATIENCE: Duration = Duration::from_secs(180);

/// A cluster that is running or can be started.
pub struct Cluster {
    folder: PathBuf,
}

impl Cluster {
    /// The cluster in directory `folder`.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Its directory.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The directory of its logs, which outlives it.
    pub fn logs(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Starts it and waits until pods run. Remains of an earlier run are removed first.
    ///
    /// # Errors
    /// What could not be started, with the end of its log.
    pub async fn start(&self, parts: &Parts) -> anyhow::Result<()> {
        self.end()?;
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder).with_context(|| format!("empty {}", self.folder.display()))?;
        }
        fs::create_dir_all(self.logs()).with_context(|| format!("create {}", self.logs().display()))?;
        fs::write(self.node_log(), "").context("create the node's log")?;
        let cgroup = format!("sei-e2e-{}", std::process::id());
        prepare::write(parts, &self.folder, &cgroup)?;
        // Before there is anything to clean up.
        fs::write(self.folder.join("cgroup"), &cgroup).context("record the control group")?;
        cgroups::create(&cgroup)?;
        let mut node = self.spawn(&parts.node, &cgroup)?;
        let began = Instant::now();
        while !self.folder.join("ready").exists() {
            if let Some(status) = node.try_wait().context("check the process of the node")? {
                bail!("the node ended: {status}\n{}", self.log_end());
            }
            if began.elapsed() > PATIENCE {
                bail!("the node is not ready after {} s\n{}", PATIENCE.as_secs(), self.log_end());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    fn spawn(&self, node: &[OsString], cgroup: &str) -> anyhow::Result<Child> {
        let log = fs::File::create(self.node_log()).context("create the node's log")?;
        // The last shell is the first process of the node: it reaps orphaned processes, such as the shims of
        // containers.
        let script = r#"echo $$ > "$1/cgroup.procs" && shift &&
            exec setsid unshare --net --mount --pid --fork --kill-child=KILL --mount-proc --propagation private \
            sh -c '"$@"; exit $?' node "$@""#;
        Command::new("sh")
            .args(["-c", script, "holder"])
            .arg(cgroups::node(cgroup))
            .args(node)
            .arg(&self.folder)
            .env_clear()
            .env("PATH", format!("{INSIDE}/bin:{}", needs::PATH))
            .env("HOME", "/run")
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("start the node")
    }

    /// Stops it, and removes what a killed run left. Its logs are kept.
    ///
    /// # Errors
    /// If something of it cannot be removed.
    pub fn end(&self) -> anyhow::Result<()> {
        let is_empty = fs::read_dir(&self.folder).map_or(true, |mut entries| entries.next().is_none());
        // A directory given by mistake is not emptied.
        ensure!(
            is_empty || self.node_log().exists(),
            "{} is not the directory of a cluster: pass an empty one, or one that does not exist",
            self.folder.display()
        );
        if let Some(cgroup) = self.cgroup() {
            cgroups::end(&cgroup)?;
        }
        for entry in fs::read_dir(&self.folder).into_iter().flatten() {
            let path = entry?.path();
            if path != self.logs() {
                let removed = if path.is_dir() && !path.is_symlink() {
                    fs::remove_dir_all(&path)
                } else {
                    fs::remove_file(&path)
                };
                removed.with_context(|| format!("remove {}", path.display()))?;
            }
        }
        Ok(())
    }

    /// A command inside the node, run as its administrator.
    ///
    /// # Errors
    /// If it is not running.
    pub fn command(&self, program: impl AsRef<OsStr>) -> anyhow::Result<Command> {
        let first = self.first_process().context("no cluster is up: start it with `cargo xtask e2e up`")?;
        let mut command = Command::new("nsenter");
        command
            .args(["--target", &first, "--net", "--mount", "--pid"])
            .arg("--wd=.")
            .arg("--")
            .arg(program)
            .env("PATH", format!("{INSIDE}/bin:{}", needs::PATH))
            .env("KUBECONFIG", format!("{INSIDE}/admin.kubeconfig"))
            // Files that tools store there are removed with the node.
            .env("HOME", "/run");
        // The node has no route to the outside.
        for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env_remove(name);
        }
        Ok(command)
    }

    /// Whether it is running.
    pub fn is_up(&self) -> bool {
        self.folder.join("ready").exists() && self.first_process().is_some()
    }

    /// Host PID of the node's first process.
    fn first_process(&self) -> Option<String> {
        let processes = cgroups::processes(&cgroups::node(&self.cgroup()?)).ok()?;
        processes.into_iter().find(|process| {
            let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
            let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
            // Its ID on the machine, and in its own namespace.
            numbers.split_whitespace().skip(1).last() == Some("1")
        })
    }

    fn cgroup(&self) -> Option<String> {
        fs::read_to_string(self.folder.join("cgroup")).ok()
    }

    fn node_log(&self) -> PathBuf {
        self.logs().join("node.log")
    }

    fn log_end(&self) -> String {
        let text = fs::read_to_string(self.node_log()).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}
