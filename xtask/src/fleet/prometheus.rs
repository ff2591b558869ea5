//! A Prometheus that scrapes one operator and evaluates the alerts.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::workspace;

/// Time limit for its start.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running Prometheus; killed when dropped.
pub(crate) struct Prometheus {
    child: Child,
    promtool: PathBuf,
    url: String,
    _folder: TempDir,
}

/// A time series as a query returns it.
#[derive(Deserialize)]
pub(crate) struct Series {
    /// Its labels.
    pub(crate) metric: Map<String, Value>,
    /// Unix times, and values as text.
    pub(crate) values: Vec<(f64, String)>,
}

impl Prometheus {
    /// Starts the program in the first directory, with promtool in the second. It scrapes `operator` every second.
    pub(super) fn start(prometheus: &Path, promtool: &Path, operator: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("create a folder")?;
        let (address, file) = (free_address()?, folder.path().join("prometheus.json"));
        let configuration = json!({
            "global": { "scrape_interval": "1s", "evaluation_interval": "1s" },
            "rule_files": [workspace()?.join("deploy/alerts/rules.yaml")],
            "scrape_configs": [{
                "job_name": "sei-operator",
                "honor_labels": true,
                "static_configs": [{ "targets": [operator] }],
            }],
        });
        // JSON is YAML.
        std::fs::write(&file, configuration.to_string()).context("write the configuration of Prometheus")?;
        let child = Command::new(prometheus.join("prometheus"))
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=error")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("start Prometheus")?;
        let promtool = promtool.join("promtool");
        Ok(Self { child, promtool, url: format!("http://{address}"), _folder: folder })
    }

    /// Waits until it answers queries.
    pub(crate) async fn ready(&self) -> anyhow::Result<()> {
        let ready = async {
            while !self.promtool(&["check", "ready", "--url", &self.url])?.status.success() {
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(PATIENCE, ready).await.context("Prometheus does not start")?
    }

    /// The values of an expression in each second between two Unix times.
    pub(crate) fn range(&self, expression: &str, from: u64, until: u64) -> anyhow::Result<Vec<Series>> {
        let (start, end) = (format!("--start={from}"), format!("--end={until}"));
        let query = ["query", "range", "--format=json", "--step=1s", &start, &end, &self.url, expression];
        let output = self.promtool(&query)?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "query {expression}: {}", error.trim());
        serde_json::from_slice(&output.stdout).with_context(|| format!("read the result of {expression}"))
    }

    /// Its address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    fn promtool(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        Command::new(&self.promtool).args(arguments).output().context("run promtool")
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address of this machine on which nothing listens.
pub(super) fn free_address() -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").context("find a free port")?;
    Ok(listener.local_addr()?.to_string())
}
