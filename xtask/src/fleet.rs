//! A fleet on an embedded control plane, with the operator and a Prometheus that evaluates its alerts: for the pictures of
//! the documentation, and to try the runbooks.

mod prometheus;

use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

use anyhow::{Context, bail};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, ResourceExt,
    api::{ListParams, Patch, PatchParams, PostParams},
};
use sei_api::{SeiNode, conditions::ConditionType};
use sei_controller::rbac;
use sei_testkit::{
    builders,
    certs::Authority,
    cluster::{Cluster, NAMESPACE, OPERATOR, certificate_names},
    operator::Operator,
};

pub(crate) use self::prometheus::{Prometheus, Series};
use crate::{cargo, target, tools};

/// The image of all nodes at first.
pub(crate) const IMAGE: &str = "ghcr.io/sei-protocol/sei:v6.4.1";
/// Duration of each task of a sidecar.
const TASK: Duration = Duration::from_millis(300);
/// Long enough for a slow machine.
const PATIENCE: Duration = Duration::from_secs(300);
/// Validity of certificates: long enough for no alert.
const VALIDITY: Duration = Duration::from_secs(90 * 86_400);
/// Maximum number of concurrent create requests.
const PARALLEL: usize = 8;

/// A running fleet.
pub(crate) struct Fleet {
    /// The program sei-operator.
    pub(crate) binary: PathBuf,
    pub(crate) prometheus: Prometheus,
    pub(crate) cluster: Cluster,
    authority: Authority,
    // Stopped before the cluster.
    _operator: Operator,
}

/// Builds the operator, and returns its path.
pub(crate) fn build_operator() -> anyhow::Result<PathBuf> {
    eprintln!("building sei-operator…");
    if !cargo(&["build", "--locked", "--quiet", "--bin", "sei-operator"]).status()?.success() {
        bail!("sei-operator does not build: the compiler's output is above");
    }
    Ok(target()?.join("debug").join("sei-operator"))
}

impl Fleet {
    /// Starts everything, without nodes. Builds what is missing.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let (assets, binary) = (tools::CONTROL_PLANE.ensure()?, build_operator()?);
        let (prometheus, promtool) = (tools::PROMETHEUS.ensure()?, tools::PROMTOOL.ensure()?);
        let cluster = Cluster::start(&assets, rbac::all_rules(OPERATOR)).await?;
        let metrics = prometheus::free_address()?;
        let listen = format!("--metrics-bind-address={metrics}");
        let namespace = format!("--leader-election-namespace={OPERATOR}");
        let operator =
            Operator::start(&cluster, &binary, &[&listen, &namespace, "--health-probe-bind-address=0"])?;
        let prometheus = Prometheus::start(&prometheus, &promtool, &metrics)?;
        let authority = Authority::new("issuer of the fleet")?;
        Ok(Self { binary, prometheus, cluster, authority, _operator: operator })
    }

    /// Creates nodes, every other one with TLS and its Secret, and waits until all of them are Ready.
    pub(crate) async fn create(&self, count: usize) -> anyhow::Result<()> {
        let nodes = (0..count).map(|index| async move {
            let (name, spec) = if index % 2 == 0 {
                let name = format!("rpc-{}", index / 2);
                self.put_secret(&name, &certificate_names(&name)).await?;
                let spec = builders::tls_full_node(IMAGE, &format!("{name}-tls"));
                (name, spec)
            } else {
                (format!("state-{}", index / 2), builders::full_node(IMAGE))
            };
            self.slow_down(&name);
            let node = builders::node(NAMESPACE, &name, spec)?;
            let created = self.cluster.nodes().create(&PostParams::default(), &node).await;
            created.map(|_| ()).with_context(|| format!("create {name}"))
        });
        stream::iter(nodes).buffer_unordered(PARALLEL).try_collect::<()>().await?;
        self.until_all("is Ready", |node| condition(node, ConditionType::Ready) == Some("True")).await
    }

    /// Lets the sidecar of a node take time for its tasks.
    pub(crate) fn slow_down(&self, node: &str) {
        self.cluster.simulator.faults(&Cluster::host(node), |faults| faults.delay = TASK);
    }

    /// Creates or replaces the TLS Secret of a node, with a certificate for `names`.
    pub(crate) async fn put_secret(&self, node: &str, names: &[String]) -> anyhow::Result<()> {
        let (name, from) = (format!("{node}-tls"), SystemTime::now() - Duration::from_secs(60));
        let pair = self.authority.issue_for(names, from, from + VALIDITY)?;
        let secret = builders::tls_secret(NAMESPACE, &name, &pair, &self.authority.pem())?;
        let secrets: Api<Secret> = Api::namespaced(self.cluster.client.clone(), NAMESPACE);
        let params = PatchParams::apply("xtask").force();
        secrets
            .patch(&name, &params, &Patch::Apply(&secret))
            .await
            .with_context(|| format!("apply {name}"))?;
        Ok(())
    }

    /// Waits until this holds for every node.
    pub(crate) async fn until_all(&self, what: &str, holds: impl Fn(&SeiNode) -> bool) -> anyhow::Result<()> {
        let all = async {
            loop {
                let nodes =
                    self.cluster.nodes().list(&ListParams::default()).await.context("list SeiNodes")?;
                if !nodes.items.is_empty() && nodes.iter().all(&holds) {
                    return anyhow::Ok(());
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        };
        tokio::time::timeout(PATIENCE, all).await.with_context(|| format!("not every node {what}"))?
    }

    /// Waits until this holds for one node.
    pub(crate) async fn until(
        &self,
        name: &str,
        what: &str,
        holds: impl Fn(&SeiNode) -> bool,
    ) -> anyhow::Result<()> {
        self.until_all(&format!("{name} {what}"), |node| node.name_any() != name || holds(node)).await
    }
}

/// Status of a condition.
pub(crate) fn condition(node: &SeiNode, of: ConditionType) -> Option<&str> {
    Some(node.status.as_ref()?.condition(of)?.status.as_str())
}
