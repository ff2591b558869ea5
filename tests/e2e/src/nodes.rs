//! SeiNodes of the scenarios: all are in one namespace, which enforces the restricted standard.

use anyhow::{Context, ensure};
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
    core::NamespaceResourceScope,
};
use sei_api::{SeiNode, conditions::ConditionType, v1alpha1::NodePhase};
use serde_json::{Value, json};

use crate::world::{World, until};

/// Namespace of all nodes.
pub(crate) const NAMESPACE: &str = "pacific-1";
/// A chain whose genesis is built into every sidecar.
pub(crate) const CHAIN: &str = "pacific-1";

/// A SeiNode of a scenario.
pub(crate) struct Node<'a> {
    pub(crate) name: &'static str,
    pub(crate) world: &'a World,
}

impl<'a> Node<'a> {
    /// The SeiNode with this name, whether or not it exists.
    pub(crate) fn of(world: &'a World, name: &'static str) -> Self {
        Self { name, world }
    }

    /// Creates a full node with image A, with `more` in its spec.
    pub(crate) async fn create(world: &'a World, name: &'static str, more: Value) -> anyhow::Result<Self> {
        Self::create_as(world, name, json!({}), merged(json!({ "fullNode": {} }), more)).await
    }

    /// Creates a node with image A, these labels and the rest of its spec, replacing one that a failed run left behind.
    pub(crate) async fn create_as(
        world: &'a World,
        name: &'static str,
        labels: Value,
        more: Value,
    ) -> anyhow::Result<Self> {
        let spec = merged(json!({ "chainId": CHAIN, "image": world.images.seid[0] }), more);
        let node: SeiNode = serde_json::from_value(json!({
            "apiVersion": "sei.io/v1alpha1",
            "kind": "SeiNode",
            "metadata": { "name": name, "namespace": NAMESPACE, "labels": labels },
            "spec": spec,
        }))
        .context("write the SeiNode")?;
        let this = Self::of(world, name);
        if this.api().get_opt(name).await?.is_some() {
            Self::of(world, name).delete().await?;
        }
        this.api().create(&PostParams::default(), &node).await.with_context(|| format!("create {name}"))?;
        Ok(this)
    }

    /// The API of SeiNodes.
    pub(crate) fn api(&self) -> Api<SeiNode> {
        self.beside()
    }

    /// The API of another kind in its namespace.
    pub(crate) fn beside<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.world.client.clone(), NAMESPACE)
    }

    /// Its pod.
    pub(crate) async fn pod(&self) -> anyhow::Result<Pod> {
        let name = format!("{}-0", self.name);
        self.beside::<Pod>().get(&name).await.with_context(|| format!("get pod {name}"))
    }

    /// UID of its pod, and how often its containers were restarted.
    pub(crate) async fn pod_identity(&self) -> anyhow::Result<(Option<String>, i32)> {
        let pod = self.pod().await?;
        let status = pod.status.clone().unwrap_or_default();
        let statuses = [status.init_container_statuses, status.container_statuses];
        let restarts = statuses.iter().flatten().flatten().map(|status| status.restart_count).sum();
        Ok((pod.uid(), restarts))
    }

    /// DNS name of its pod.
    pub(crate) fn host(&self) -> String {
        format!("{0}-0.{0}.{NAMESPACE}.svc.cluster.local", self.name)
    }

    /// Waits until it satisfies `wanted`.
    pub(crate) async fn until(
        &self,
        what: &str,
        wanted: impl Fn(&SeiNode) -> bool,
    ) -> anyhow::Result<SeiNode> {
        until(&format!("{}: {what}", self.name), async || {
            let node = self.api().get(self.name).await?;
            ensure!(wanted(&node), "it is {}", summary(&node));
            Ok(node)
        })
        .await
    }

    /// Waits until it is Ready.
    pub(crate) async fn until_ready(&self) -> anyhow::Result<SeiNode> {
        self.until("Ready", |node| {
            let status = node.status.as_ref();
            status.is_some_and(|status| status.observed_generation == node.metadata.generation)
                && condition(node, ConditionType::Ready).as_deref() == Some("True/NodeReady")
                && phase(node) == Some(NodePhase::Running)
        })
        .await
    }

    /// Waits until `Ready` has this reason, and returns its message.
    pub(crate) async fn until_waiting(&self, reason: &str) -> anyhow::Result<String> {
        let wanted = format!("False/{reason}");
        let node = self
            .until(&wanted, |node| condition(node, ConditionType::Ready).as_deref() == Some(wanted.as_str()))
            .await?;
        Ok(message(&node, ConditionType::Ready))
    }

    /// Changes its spec.
    pub(crate) async fn change(&self, spec: Value) -> anyhow::Result<()> {
        let patch = Patch::Merge(json!({ "spec": spec }));
        let patched = self.api().patch(self.name, &PatchParams::default(), &patch).await;
        patched.with_context(|| format!("change {}", self.name))?;
        Ok(())
    }

    /// Reasons of the events about it.
    pub(crate) async fn events(&self) -> anyhow::Result<Vec<String>> {
        let events: Api<Event> = self.beside();
        let about = format!("involvedObject.kind=SeiNode,involvedObject.name={}", self.name);
        let events = events.list(&ListParams::default().fields(&about)).await.context("list events")?;
        Ok(events.items.into_iter().filter_map(|event| event.reason).collect())
    }

    /// Deletes it, and waits until none of its objects exist.
    pub(crate) async fn delete(self) -> anyhow::Result<()> {
        self.api().delete(self.name, &DeleteParams::default()).await.context("delete the SeiNode")?;
        let kinds = "seinodes,statefulsets,jobs,services,configmaps,persistentvolumeclaims,pods";
        until(&format!("{} to be gone", self.name), async || {
            let left = format!("get {kinds} -n {NAMESPACE} -l sei.io/node={} -o name", self.name);
            let left = self.world.kubectl(&left).await?;
            ensure!(left.is_empty(), "left: {left}");
            ensure!(self.api().get_opt(self.name).await?.is_none(), "the SeiNode is left");
            Ok(())
        })
        .await
    }
}

/// `status/reason` of a condition.
pub(crate) fn condition(node: &SeiNode, of: ConditionType) -> Option<String> {
    let condition = node.status.as_ref()?.condition(of)?;
    Some(format!("{}/{}", condition.status, condition.reason))
}

/// Message of a condition; empty without the condition.
pub(crate) fn message(node: &SeiNode, of: ConditionType) -> String {
    let condition = node.status.as_ref().and_then(|status| status.condition(of));
    condition.map(|condition| condition.message.clone()).unwrap_or_default()
}

/// Its phase.
pub(crate) fn phase(node: &SeiNode) -> Option<NodePhase> {
    node.status.as_ref()?.phase
}

/// The image it runs.
pub(crate) fn current_image(node: &SeiNode) -> Option<&str> {
    node.status.as_ref()?.current_image.as_deref()
}

fn summary(node: &SeiNode) -> String {
    let ready = condition(node, ConditionType::Ready).unwrap_or_default();
    format!("{:?}, {ready}: {}", phase(node), message(node, ConditionType::Ready))
}

/// `more` merged over `base`.
pub(crate) fn merged(mut base: Value, more: Value) -> Value {
    if let (Value::Object(base), Value::Object(more)) = (&mut base, more) {
        base.extend(more);
    }
    base
}
