//! Helpers of the scenarios: a client of the cluster, kubectl, and waiting.

use std::{
    io,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client, Config,
    api::{ObjectMeta, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use sei_e2e_cluster::images::Images;
use tokio::{io::AsyncWriteExt, process::Command};

use crate::report::show;

/// Long enough for a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// Time limit of a program, including the time that it waits.
const LIMIT: Duration = Duration::from_secs(180);

/// The cluster.
pub(crate) struct World {
    /// A client with administrator permissions.
    pub(crate) client: Client,
    /// Names of the images that it has.
    pub(crate) images: Images,
    /// Its directory.
    pub(crate) state: PathBuf,
    /// Whether all scenarios before this one ran, and passed.
    pub(crate) is_complete: bool,
}

impl World {
    /// The cluster with directory `state`.
    pub(crate) async fn new(state: &Path) -> anyhow::Result<Self> {
        let kubeconfig =
            Kubeconfig::read_from(state.join("admin.kubeconfig")).context("read the kubeconfig")?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        let (client, images) = (Client::try_from(config)?, Images::read(state)?);
        Ok(Self { client, images, state: state.to_owned(), is_complete: false })
    }

    /// Creates a namespace, replacing one that an earlier run left. Its SeiNodes have a finalizer, and there
    /// may be no operator that removes it.
    pub(crate) async fn namespace(&self, name: &str) -> anyhow::Result<()> {
        if !self.kubectl("get crd seinodes.sei.io --ignore-not-found -o name").await?.is_empty() {
            let delete = format!("delete seinodes --all -n {name} --ignore-not-found --wait=false");
            self.kubectl(&delete).await?;
            let left = self.kubectl(&format!("get seinodes -n {name} -o name")).await?;
            for node in left.lines() {
                let patch =
                    ["patch", node, "-n", name, "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#];
                // A running operator may have been faster.
                let _ = self.run("kubectl", &patch).await;
            }
        }
        self.kubectl(&format!("delete namespace {name} --ignore-not-found --wait --timeout=120s")).await?;
        let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
        let namespace = Namespace { metadata, ..Namespace::default() };
        let created = Api::all(self.client.clone()).create(&PostParams::default(), &namespace).await;
        created.with_context(|| format!("create namespace {name}"))?;
        Ok(())
    }

    /// Applies YAML; fails with the error of kubectl.
    pub(crate) async fn apply(&self, manifest: &str) -> anyhow::Result<()> {
        let mut command = self.command("kubectl");
        let mut child =
            command.args(["apply", "--server-side", "--filename=-"]).stdin(Stdio::piped()).spawn()?;
        let mut input = child.stdin.take().context("kubectl reads its input")?;
        input.write_all(manifest.as_bytes()).await.context("hand over the manifest")?;
        drop(input);
        let output = limited("kubectl apply", child.wait_with_output()).await?;
        if !output.status.success() {
            bail!("kubectl apply: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }

    /// Output of kubectl; the arguments are split at spaces.
    pub(crate) async fn kubectl(&self, arguments: &str) -> anyhow::Result<String> {
        self.run("kubectl", &arguments.split_whitespace().collect::<Vec<_>>()).await
    }

    /// Output of a program; fails with its error.
    pub(crate) async fn run(&self, program: &str, arguments: &[&str]) -> anyhow::Result<String> {
        let output = limited(program, self.command(program).args(arguments).output()).await?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("{program} {}: {}", arguments.join(" "), said.trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    /// A program of the cluster or of the machine, run as the cluster's administrator.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("KUBECONFIG", self.state.join("admin.kubeconfig"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// Shows what helps to understand a failure.
    pub(crate) async fn show(&self) {
        for question in ["get pods -A -o wide", "get events -A --sort-by=.metadata.creationTimestamp"] {
            let answer = self.kubectl(question).await.unwrap_or_else(|error| format!("{error:#}"));
            let lines: Vec<_> = answer.lines().collect();
            show(format!("--- kubectl {question}\n{}", lines[lines.len().saturating_sub(30)..].join("\n")));
        }
    }
}

/// The output of a program, with a time limit.
pub(crate) async fn limited(
    program: &str,
    output: impl Future<Output = io::Result<Output>>,
) -> anyhow::Result<Output> {
    let output = tokio::time::timeout(LIMIT, output).await;
    let output = output.with_context(|| format!("{program} did not end within {} s", LIMIT.as_secs()))?;
    output.with_context(|| format!("run {program}"))
}

/// Retries until there is a result, up to a time limit; `what` describes what is waited for.
pub(crate) async fn until<T>(what: &str, attempt: impl AsyncFn() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let began = Instant::now();
    loop {
        match attempt().await {
            Ok(answer) => return Ok(answer),
            Err(error) if began.elapsed() > PATIENCE => {
                return Err(error.context(format!("waited {} s for {what}", PATIENCE.as_secs())));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}
