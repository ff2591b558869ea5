//! The released program, run as a separate process against a [`Cluster`].

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::Context;

use crate::{builders, cluster::Cluster};

/// A running operator; killed when dropped.
pub struct Operator {
    child: Child,
    log: PathBuf,
}

impl Operator {
    /// Starts `binary` with the rights of the cluster's account for it.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start(cluster: &Cluster, binary: &Path, more: &[&str]) -> anyhow::Result<Self> {
        Self::start_with(cluster, binary, more, &[])
    }

    /// Starts it with more `variables` in its environment. Credentials of the person who runs the tests are withheld.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start_with(
        cluster: &Cluster,
        binary: &Path,
        more: &[&str],
        variables: &[(&str, String)],
    ) -> anyhow::Result<Self> {
        let log = cluster.plane.folder().join("sei-operator.log");
        let output = fs::File::options().create(true).append(true).open(&log)?;
        let connect_to = cluster.simulator.connect_to();
        let child = Command::new(binary)
            .arg("run")
            .arg("--kubeconfig")
            .arg(cluster.operator_kubeconfig())
            .args(connect_to.iter().flat_map(|rule| ["--sidecar-connect-to", rule.as_str()]))
            .args(more)
            .envs(builders::platform())
            .env_remove("AWS_ACCESS_KEY_ID")
            .env_remove("AWS_SECRET_ACCESS_KEY")
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()
            .with_context(|| format!("start {}", binary.display()))?;
        Ok(Self { child, log })
    }

    /// Ends it as a crash would, at once.
    ///
    /// # Errors
    /// None in practice.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end, as the kubelet does.
    ///
    /// # Errors
    /// None in practice.
    pub fn terminate(&self) -> anyhow::Result<()> {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-TERM", &pid]).status().context("run kill")?;
        anyhow::ensure!(status.success(), "kill -TERM {pid} failed");
        Ok(())
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its exit code, once it has ended.
    pub fn exit_code(&mut self) -> Option<i32> {
        self.child.try_wait().ok()??.code()
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        // Already ended is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
