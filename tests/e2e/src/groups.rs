//! SeiNodeDeployments of the scenarios, in the namespace of the nodes.

use std::cell::Cell;

use anyhow::{Context, ensure};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use sei_api::{SeiNodeDeployment, SeiNodeDeploymentStatus, deployment_conditions::ConditionType};
use serde_json::{Value, json};

use crate::{
    nodes::NAMESPACE,
    world::{World, until},
};

/// A SeiNodeDeployment of a scenario.
pub(crate) struct Group<'a> {
    name: &'static str,
    world: &'a World,
}

impl<'a> Group<'a> {
    /// The group with this name, whether or not it exists.
    pub(crate) fn of(world: &'a World, name: &'static str) -> Self {
        Self { name, world }
    }

    /// Creates a group, replacing one that a failed run left behind.
    pub(crate) async fn create(world: &'a World, name: &'static str, spec: Value) -> anyhow::Result<Self> {
        let group: SeiNodeDeployment = serde_json::from_value(json!({
            "apiVersion": "sei.io/v1alpha1", "kind": "SeiNodeDeployment", "metadata": { "name": name }, "spec": spec,
        }))
        .context("write the SeiNodeDeployment")?;
        Self::of(world, name).delete().await?;
        let this = Self::of(world, name);
        this.api().create(&PostParams::default(), &group).await.with_context(|| format!("create {name}"))?;
        Ok(this)
    }

    fn api(&self) -> Api<SeiNodeDeployment> {
        Api::namespaced(self.world.client.clone(), NAMESPACE)
    }

    /// Changes its spec.
    pub(crate) async fn change(&self, spec: Value) -> anyhow::Result<()> {
        let patch = Patch::Merge(json!({ "spec": spec }));
        let patched = self.api().patch(self.name, &PatchParams::default(), &patch).await;
        patched.with_context(|| format!("change {}", self.name))?;
        Ok(())
    }

    /// Waits until its status reflects the current spec and satisfies `is_wanted`.
    pub(crate) async fn until(
        &self,
        what: &str,
        is_wanted: impl Fn(&SeiNodeDeploymentStatus) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        until(&format!("{}: {what}", self.name), async || {
            let group = self.api().get(self.name).await?;
            let status = group.status.unwrap_or_default();
            ensure!(status.observed_generation == group.metadata.generation, "its spec has just changed");
            is_wanted(&status)
        })
        .await
    }

    /// Waits until a condition is True.
    pub(crate) async fn until_true(&self, kind: ConditionType) -> anyhow::Result<()> {
        self.until(kind.as_str(), |status| is_true(status, kind)).await
    }

    /// Waits until every node is available and runs the template; at least `least` must be available at any time.
    pub(crate) async fn until_complete(&self, least: i64) -> anyhow::Result<()> {
        let fewest = Cell::new(i64::MAX);
        self.until("Ready", |status| {
            fewest.set(fewest.get().min(status.available_replicas.unwrap_or(0)));
            is_true(status, ConditionType::Ready)
        })
        .await?;
        let fewest = fewest.get();
        ensure!(fewest >= least, "only {fewest} nodes were available");
        Ok(())
    }

    /// Images in the specs of its SeiNodes.
    pub(crate) async fn images(&self) -> anyhow::Result<Vec<String>> {
        let list = format!(
            "get seinodes -n {NAMESPACE} -l sei.io/nodedeployment={} -o jsonpath={{.items[*].spec.image}}",
            self.name
        );
        let images = self.world.kubectl(&list).await?;
        Ok(images.split_whitespace().map(str::to_owned).collect())
    }

    /// Deletes it, if it exists, and waits until it is gone.
    pub(crate) async fn delete(self) -> anyhow::Result<()> {
        let delete =
            format!("delete seinodedeployment {} -n {NAMESPACE} --ignore-not-found --timeout=2m", self.name);
        self.world.kubectl(&delete).await.map(drop)
    }
}

/// Fails unless a condition is True.
fn is_true(status: &SeiNodeDeploymentStatus, kind: ConditionType) -> anyhow::Result<()> {
    let condition = status.condition(kind).context("it has no such condition yet")?;
    ensure!(condition.status == "True", "it is {}: {}", condition.reason, condition.message);
    Ok(())
}
