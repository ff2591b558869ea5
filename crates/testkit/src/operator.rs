//! The released binary, run as a separate process against a [`Cluster`].

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
    /// Starts `binary` with the permissions of the cluster's account for it.
    ///
    /// # Errors
    /// If the program cannot be started.
    pub fn start(cluster: &Cluster, binary: &Path, more: &[&str]) -> anyhow::Result<Self> {
        Self::start_with(cluster, binary, more, &[])
    }

    /// Starts it with additional environment `variables`. Credentials in the environment of the tests are not
    /// passed on.
    ///
    /// # Errors
    /// If the program cannot be started.
    pub fn start_with(
        cluster: &Cluster,
        binary: &Path,
        more: &[&str],
        variables: &[(&str, String)],
    ) -> anyhow::Result<Self> {
        let log = cluster.operator_log();
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

    /// Kills it, like a crash.
    ///
    /// # Errors
    /// None in practice.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Sends SIGTERM, like the kubelet.
    ///
    /// # Errors
    /// None in practice.
    pub fn terminate(&self) -> anyhow::Result<()> {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-TERM", &pid]).status().context("run kill")?;
        anyhow::ensure!(status.success(), "kill -TERM {pid} failed");
        Ok(())
    }

    /// Its process ID.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its exit code, once it has exited.
    pub fn exit_code(&mut self) -> Option<i32> {
        self.child.try_wait().ok()??.code()
    }

    /// Its log.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
