//! The nodes of a run.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use anyhow::Context;
use futures::{StreamExt, TryStreamExt, future, stream};
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use sei_api::{SeiNode, SeiNodeDeployment};
use sei_testkit::{
    builders,
    certs::Authority,
    cluster::{Cluster, NAMESPACE, certificate_names},
};
use serde_json::{Value, json};

/// Image of the nodes.
pub(crate) const IMAGE: &str = "ghcr.io/sei-protocol/sei:v6.4.1";
/// Duration of each task of a sidecar.
const TASK: Duration = Duration::from_millis(50);
/// Nodes of a group.
const GROUP: usize = 50;
/// Maximum number of concurrent create requests.
const PARALLEL: usize = 16;

/// Kinds of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// Full nodes.
    Plain,
    /// Full nodes with TLS.
    Tls,
    /// Every other one has TLS.
    Mixed,
    /// Full nodes that select each other as peers by a label.
    Peers,
    /// Plain nodes in SeiNodeDeployments of 50.
    Groups,
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Tls => "tls",
            Self::Mixed => "mixed",
            Self::Peers => "peers",
            Self::Groups => "groups",
        }
    }

    fn has_tls(self, index: usize) -> bool {
        match self {
            Self::Plain | Self::Peers | Self::Groups => false,
            Self::Tls => true,
            Self::Mixed => index % 2 == 1,
        }
    }
}

/// Nodes of one kind.
pub(crate) struct Fleet {
    kind: Kind,
    /// Names of all nodes.
    pub(crate) names: Vec<String>,
    authority: Option<Authority>,
}

impl Fleet {
    pub(crate) fn new(kind: Kind, count: usize) -> Self {
        let name = |index| match kind {
            Kind::Groups => format!("{}-{}", group(index), index % GROUP),
            _ => format!("node-{index}"),
        };
        Self { kind, names: (0..count).map(name).collect(), authority: None }
    }

    /// The nodes whose image [`Fleet::update`] changes: some nodes, or a group.
    pub(crate) fn updated(&self) -> &[String] {
        &self.names[..self.names.len().min(GROUP)]
    }

    /// Changes the image of some nodes at the same time, or that of a group.
    pub(crate) async fn update(&self, cluster: &Cluster, image: &str) -> anyhow::Result<()> {
        let (nodes, params) = (cluster.nodes(), PatchParams::default());
        if self.kind == Kind::Groups {
            let groups: Api<SeiNodeDeployment> = Api::namespaced(cluster.client.clone(), NAMESPACE);
            let change = json!({ "spec": { "template": { "spec": { "image": image } } } });
            groups.patch(&group(0), &params, &Patch::Merge(change)).await?;
            return Ok(());
        }
        let change = Patch::Merge(json!({ "spec": { "image": image } }));
        future::try_join_all(self.updated().iter().map(|name| nodes.patch(name, &params, &change))).await?;
        Ok(())
    }

    /// Names of nodes with TLS.
    pub(crate) fn with_tls(&self) -> Vec<String> {
        let names = self.names.iter().enumerate().filter(|(index, _)| self.kind.has_tls(*index));
        names.map(|(_, name)| name.clone()).collect()
    }

    /// Creates the certificates of the nodes, which exist before the nodes.
    pub(crate) async fn prepare(&mut self, cluster: &Cluster) -> anyhow::Result<()> {
        let authority = Authority::new("issuer of the bench")?;
        let secrets = self.with_tls().into_iter().map(|name| certificate(&authority, &name));
        let secrets: Vec<Secret> = secrets.collect::<anyhow::Result<_>>()?;
        create(&Api::namespaced(cluster.client.clone(), NAMESPACE), secrets).await?;
        self.authority = Some(authority);
        for name in &self.names {
            slow_down(cluster, name);
        }
        Ok(())
    }

    /// A certificate for node `name`, as a Secret.
    pub(crate) fn secret(&self, name: &str) -> anyhow::Result<Secret> {
        certificate(self.authority.as_ref().context("the fleet has no certificates yet")?, name)
    }

    /// Creates all nodes. Returns when each was requested.
    pub(crate) async fn create(&self, cluster: &Cluster) -> anyhow::Result<HashMap<String, Instant>> {
        if self.kind == Kind::Groups {
            return self.create_groups(cluster).await;
        }
        let nodes = self.names.iter().enumerate().map(|(index, name)| self.node(index, name));
        create(&cluster.nodes(), nodes.collect::<anyhow::Result<_>>()?).await
    }

    /// Creates the groups. Returns when the group of each node was requested.
    async fn create_groups(&self, cluster: &Cluster) -> anyhow::Result<HashMap<String, Instant>> {
        let groups = self.names.chunks(GROUP).enumerate().map(|(index, names)| {
            let spec = json!({
                "replicas": names.len(),
                "template": { "spec": builders::full_node(IMAGE) },
                "updateStrategy": { "type": "InPlace" },
            });
            Ok(SeiNodeDeployment::new(&group(index * GROUP), serde_json::from_value(spec)?))
        });
        let groups = groups.collect::<anyhow::Result<_>>()?;
        let asked = create(&Api::namespaced(cluster.client.clone(), NAMESPACE), groups).await?;
        let names = self.names.iter().enumerate();
        Ok(names.filter_map(|(index, name)| Some((name.clone(), *asked.get(&group(index))?))).collect())
    }

    fn node(&self, index: usize, name: &str) -> anyhow::Result<SeiNode> {
        let mut spec = match self.kind.has_tls(index) {
            true => builders::tls_full_node(IMAGE, &secret_name(name)),
            false => builders::full_node(IMAGE),
        };
        if self.kind == Kind::Peers {
            spec["peers"] = json!([{ "label": { "selector": { "fleet": "bench" } } }]);
        }
        let mut node = builders::node(NAMESPACE, name, spec)?;
        node.metadata.labels = Some([("fleet".to_owned(), "bench".to_owned())].into());
        Ok(node)
    }
}

/// Creates more plain nodes, in addition to a fleet. Returns when each was requested.
pub(crate) async fn add(cluster: &Cluster, names: &[String]) -> anyhow::Result<HashMap<String, Instant>> {
    let spec = || -> Value { builders::full_node(IMAGE) };
    names.iter().for_each(|name| slow_down(cluster, name));
    let nodes = names.iter().map(|name| builders::node(NAMESPACE, name, spec()));
    create(&cluster.nodes(), nodes.collect::<anyhow::Result<_>>()?).await
}

/// Creates objects, several at the same time. Returns when each was requested.
pub(crate) async fn create<K>(api: &Api<K>, objects: Vec<K>) -> anyhow::Result<HashMap<String, Instant>>
where
    K: kube::Resource + Clone + std::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned,
{
    let requests = objects.into_iter().map(|object| async move {
        let asked = Instant::now();
        let name = object.meta().name.clone().unwrap_or_default();
        let created = api.create(&PostParams::default(), &object).await;
        created.with_context(|| format!("create {name}")).map(|_| (name, asked))
    });
    stream::iter(requests).buffer_unordered(PARALLEL).try_collect().await
}

/// The group of the node with this index.
fn group(index: usize) -> String {
    format!("group-{}", index / GROUP)
}

fn slow_down(cluster: &Cluster, name: &str) {
    cluster.simulator.faults(&Cluster::host(name), |faults| faults.delay = TASK);
}

fn secret_name(node: &str) -> String {
    format!("{node}-tls")
}

fn certificate(authority: &Authority, name: &str) -> anyhow::Result<Secret> {
    let pair = authority.issue(&certificate_names(name))?;
    builders::tls_secret(NAMESPACE, &secret_name(name), &pair, &authority.pem())
}
