//! The node from inside: its mounts and network, its programs in their order, and shutdown when one of them
//! exits.

use std::{
    fs,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use k8s_openapi::api::core::v1::{Node, ServiceAccount};
use kube::{
    Api, Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
    runtime::wait::await_condition,
};
use tokio::{process::Command, sync::mpsc};

use crate::{
    INSIDE, NODE,
    daemons::{self, Daemon},
    storage,
};

const PATIENCE: Duration = Duration::from_secs(120);
/// Settings of the kubelet for the whole machine: it finds these values instead of the machine's own.
const TUNABLES: &[(&str, &str)] = &[
    ("vm/overcommit_memory", "1"),
    ("vm/panic_on_oom", "0"),
    ("kernel/panic", "10"),
    ("kernel/panic_on_oops", "1"),
    ("kernel/keys/root_maxkeys", "1000000"),
    ("kernel/keys/root_maxbytes", "25000000"),
];

/// Runs the node in separate namespaces that already exist. Returns only with an error.
///
/// # Errors
/// What failed, or the program that ended.
pub async fn run(state: &Path) -> anyhow::Result<()> {
    mounts(state).await?;
    network().await?;
    let (ended, mut endings) = mpsc::unbounded_channel();
    let starter = Starter(ended);
    tokio::select! {
        outcome = live(&starter) => outcome,
        Some(ending) = endings.recv() => bail!("{ending}"),
    }
}

async fn live(starter: &Starter) -> anyhow::Result<()> {
    starter.start(&daemons::ETCD)?;
    starter.start(&daemons::CONTAINERD)?;
    starter.start(&daemons::API_SERVER)?;
    images().await.context("import the images")?;
    starter.start(&daemons::KUBELET)?;
    let client = client().await.context("reach the API server")?;
    for daemon in daemons::REST {
        starter.start(daemon)?;
    }
    let objects = ["--filename=/run/e2e/etc/objects.yaml", "--filename=/run/e2e/etc/crds/"];
    let apply = ["--kubeconfig=/run/e2e/admin.kubeconfig", "apply", "--server-side"];
    command("kubectl", &[&apply[..], &objects].concat()).await?;
    starter.start(&daemons::CERT_MANAGER)?;
    let ready = async {
        tokio::try_join!(settled(&client), names())?;
        fs::write(Path::new(INSIDE).join("ready"), "").context("say that it is ready")
    };
    tokio::try_join!(ready, storage::provide(&client))?;
    Ok(())
}

/// A private `/run` with the cluster's directory in it, the cluster's names, and no writable directory of the
/// machine: programs write to a private `/var`.
async fn mounts(state: &Path) -> anyhow::Result<()> {
    let state = state.to_str().context("the path of the cluster's directory is not valid UTF-8")?;
    command("mount", &["-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"]).await?;
    fs::create_dir(INSIDE).with_context(|| format!("create {INSIDE}"))?;
    command("mount", &["--bind", state, INSIDE]).await?;
    command("mount", &["--bind", &format!("{INSIDE}/etc/resolv.conf"), "/etc/resolv.conf"]).await?;
    fs::create_dir_all("/run/var/changed")?;
    fs::create_dir_all("/run/var/work")?;
    let layers = "lowerdir=/var,upperdir=/run/var/changed,workdir=/run/var/work";
    command("mount", &["-t", "overlay", "-o", layers, "overlay", "/var"]).await?;
    fs::create_dir_all("/run/tunables").context("create /run/tunables")?;
    for (tunable, value) in TUNABLES {
        let file = format!("/run/tunables/{}", tunable.replace('/', "."));
        fs::write(&file, value).with_context(|| format!("write {file}"))?;
        command("mount", &["--bind", &file, &format!("/proc/sys/{tunable}")]).await?;
    }
    Ok(())
}

async fn network() -> anyhow::Result<()> {
    let all = "link set lo up
        address add 10.250.0.1/32 dev lo
        link add cni0 type bridge
        address add 10.244.0.1/24 dev cni0
        link set cni0 up
        route add 10.96.0.0/16 dev cni0 src 10.250.0.1";
    for line in all.lines() {
        command("ip", &line.split_whitespace().collect::<Vec<_>>()).await?;
    }
    for switch in ["ipv4/ip_forward", "bridge/bridge-nf-call-iptables"] {
        let path = Path::new("/proc/sys/net").join(switch);
        fs::write(&path, "1").with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}

async fn images() -> anyhow::Result<()> {
    until(async || Ok(command("ctr", &["version"]).await?)).await?;
    let folder = Path::new(INSIDE).join("images");
    for entry in fs::read_dir(&folder).context("list the images")? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "tar") {
            let path = path.to_str().context("the path of an image is not valid UTF-8")?;
            command("ctr", &["--namespace=k8s.io", "images", "import", path]).await?;
        }
    }
    Ok(())
}

/// A client of the API server, once that is ready.
async fn client() -> anyhow::Result<Client> {
    let kubeconfig = Path::new(INSIDE).join("admin.kubeconfig");
    let kubeconfig = Kubeconfig::read_from(kubeconfig).context("read the kubeconfig")?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    let client = Client::try_from(config)?;
    until(async || {
        let request = http::Request::get("/readyz").body(Vec::new())?;
        Ok(client.request_text(request).await.map(drop)?)
    })
    .await?;
    Ok(client)
}

/// Waits until pods can be created and will run.
async fn settled(client: &Client) -> anyhow::Result<()> {
    let nodes: Api<Node> = Api::all(client.clone());
    let ready = |node: Option<&Node>| {
        let conditions = node.and_then(|node| node.status.as_ref()?.conditions.as_ref());
        conditions
            .into_iter()
            .flatten()
            .any(|condition| condition.type_ == "Ready" && condition.status == "True")
    };
    let ready = tokio::time::timeout(PATIENCE, await_condition(nodes, NODE, ready)).await;
    ready.context("the node is not ready")?.context("watch the node")?;
    let accounts: Api<ServiceAccount> = Api::default_namespaced(client.clone());
    let exists = |account: Option<&ServiceAccount>| account.is_some();
    let exists = tokio::time::timeout(PATIENCE, await_condition(accounts, "default", exists)).await;
    exists.context("there is no default service account")?.context("watch service accounts")?;
    Ok(())
}

/// Waits until names of the cluster can be resolved.
async fn names() -> anyhow::Result<()> {
    let name = "kubernetes.default.svc.cluster.local:443";
    until(async || Ok(tokio::net::lookup_host(name).await.map(drop)?)).await.context("look a name up")
}

/// Retries until it succeeds.
async fn until(attempt: impl AsyncFn() -> anyhow::Result<()>) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        match attempt().await {
            Err(error) if began.elapsed() > PATIENCE => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            Ok(()) => return Ok(()),
        }
    }
}

/// Runs a program until it exits.
async fn command(program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().await;
    let output = output.with_context(|| format!("run {program}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{program} {}: {}", arguments.join(" "), said.trim());
    }
    Ok(())
}

/// Starts programs; their exits are sent to the channel.
struct Starter(mpsc::UnboundedSender<String>);

impl Starter {
    fn start(&self, daemon: &Daemon) -> anyhow::Result<()> {
        let name = daemon.program;
        let log = Path::new(INSIDE).join("log").join(format!("{name}.log"));
        let output = fs::File::create(&log).with_context(|| format!("create {}", log.display()))?;
        let mut child = Command::new(name)
            .args(daemon.arguments)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("start {name}"))?;
        let ended = self.0.clone();
        tokio::spawn(async move {
            let how = child.wait().await.map_or_else(|error| error.to_string(), |status| status.to_string());
            // There is no receiver when the node stops.
            let _ = ended.send(format!("{name} ended: {how}; its log is log/{name}.log"));
        });
        Ok(())
    }
}
