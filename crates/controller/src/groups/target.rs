//! The individual writes of a group.

use std::sync::Arc;

use k8s_openapi::{
    api::{core::v1::Service, policy::v1::PodDisruptionBudget},
    apimachinery::pkg::apis::meta::v1::OwnerReference,
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, Preconditions},
};
use sei_api::{SeiNode, SeiNodeDeployment, labels};
use sei_deployment::{HTTPRoute, ObjectKind, is_owned_by, taken_over};
use serde_json::{Value, json};

use super::{context::Context, memory::Written};
use crate::{error::PassError, finalizers, trim};

/// The group that writes. Returned objects are stored until the caches have them.
pub(super) struct Target<'a> {
    pub(super) ctx: &'a Context,
    pub(super) group: &'a SeiNodeDeployment,
}

/// One write to an object.
pub(super) enum Change<'a> {
    Apply(Value),
    Delete { uid: &'a str },
    Release { version: &'a str, owners: &'a [OwnerReference] },
}

impl Target<'_> {
    pub(super) async fn mark(&self) -> Result<(), PassError> {
        let finalizer = labels::DEPLOYMENT_FINALIZER.to_owned();
        self.write_finalizers(&[self.group.finalizers(), &[finalizer]].concat()).await
    }

    /// Removes the finalizer if the API server has no SeiNode that the group owns: the garbage collector would delete one
    /// that the cache does not have yet, although it may have to be retained.
    pub(super) async fn unmark_without_nodes(&self) -> Result<(), PassError> {
        let of_group = format!("{}={}", labels::DEPLOYMENT, self.group.name_any());
        let nodes = self.api::<SeiNode>().list_metadata(&ListParams::default().labels(&of_group)).await;
        let nodes = nodes.map_err(|error| self.failed::<SeiNode>("list", "", error))?;
        match nodes.items.iter().find(|node| is_owned_by(*node, self.group)) {
            Some(node) => Err(PassError::Outdated { object: self.described::<SeiNode>(&node.name_any()) }),
            None => self.unmark().await,
        }
    }

    /// Removes the finalizer.
    pub(super) async fn unmark(&self) -> Result<(), PassError> {
        let mut rest = self.group.finalizers().to_vec();
        rest.retain(|finalizer| finalizer != labels::DEPLOYMENT_FINALIZER);
        self.write_finalizers(&rest).await
    }

    async fn write_finalizers(&self, finalizers: &[String]) -> Result<(), PassError> {
        let manager = labels::DEPLOYMENT_FIELD_MANAGER;
        let mut written = finalizers::write(&self.ctx.client, self.group, finalizers, manager).await?;
        trim::group(&mut written);
        self.ctx.memory(self.group, |memory| memory.group.keep(Arc::new(written)));
        Ok(())
    }

    /// Writes to an object of the group other than a SeiNode.
    pub(super) async fn change(
        &self,
        kind: ObjectKind,
        name: &str,
        change: Change<'_>,
    ) -> Result<(), PassError> {
        match kind {
            ObjectKind::Service => self.change_one::<Service>(name, change).await,
            ObjectKind::PodDisruptionBudget => self.change_one::<PodDisruptionBudget>(name, change).await,
            ObjectKind::HTTPRoute => self.change_one::<HTTPRoute>(name, change).await,
        }
    }

    async fn change_one<K: Written>(&self, name: &str, change: Change<'_>) -> Result<(), PassError> {
        match change {
            Change::Apply(body) => self.apply::<K>(name, body).await,
            Change::Delete { uid } => self.delete::<K>(name, uid).await,
            Change::Release { version, owners } => self.release::<K>(name, version, owners).await,
        }
    }

    /// Read from the API server, since the caches do not contain all managed fields.
    pub(super) async fn take_over_node(&self, name: &str, uid: &str) -> Result<(), PassError> {
        let api = self.api::<SeiNode>();
        let live = api.get(name).await.map_err(|error| self.failed::<SeiNode>("read", name, error))?;
        let Some(entries) = taken_over(&live).filter(|_| live.metadata.uid.as_deref() == Some(uid)) else {
            return Err(PassError::Outdated { object: self.described::<SeiNode>(name) });
        };
        let metadata = json!({ "resourceVersion": live.metadata.resource_version, "managedFields": entries });
        let body = Patch::Merge(json!({ "metadata": metadata }));
        let written = api.patch(name, &PatchParams::default(), &body).await;
        let written =
            written.map_err(|error| self.failed::<SeiNode>("take over the fields of", name, error))?;
        self.keep(written);
        Ok(())
    }

    pub(super) async fn apply<K: Written>(&self, name: &str, body: Value) -> Result<(), PassError> {
        let params = PatchParams::apply(labels::DEPLOYMENT_FIELD_MANAGER).force();
        let written = self.api::<K>().patch(name, &params, &Patch::Apply(&body)).await;
        self.keep(written.map_err(|error| self.failed::<K>("write", name, error))?);
        Ok(())
    }

    pub(super) async fn delete<K: Written>(&self, name: &str, uid: &str) -> Result<(), PassError> {
        let this = Preconditions { uid: Some(uid.to_owned()), resource_version: None };
        let deleted = self.api::<K>().delete(name, &DeleteParams::default().preconditions(this)).await;
        // It exists until its finalizers are removed.
        if let Some(object) = deleted.map_err(|error| self.failed::<K>("delete", name, error))?.left() {
            self.keep(object);
        }
        Ok(())
    }

    /// Reduces the owners of an object to these, at this version of it.
    pub(super) async fn release<K: Written>(
        &self,
        name: &str,
        version: &str,
        owners: &[OwnerReference],
    ) -> Result<(), PassError> {
        let manager = Some(labels::DEPLOYMENT_FIELD_MANAGER.to_owned());
        let params = PatchParams { field_manager: manager, ..PatchParams::default() };
        let body = json!({ "metadata": { "resourceVersion": version, "ownerReferences": owners } });
        let written = self.api::<K>().patch(name, &params, &Patch::Merge(&body)).await;
        self.keep(written.map_err(|error| self.failed::<K>("remove the owner reference of", name, error))?);
        Ok(())
    }

    fn keep<K: Written>(&self, object: K) {
        self.ctx.memory(self.group, |memory| memory.keep(object));
    }

    fn api<K: Written>(&self) -> Api<K> {
        Api::namespaced(self.ctx.client.clone(), &self.group.namespace().unwrap_or_default())
    }

    fn described<K: Written>(&self, name: &str) -> String {
        format!("{} {}/{name}", K::kind(&()), self.group.namespace().unwrap_or_default())
    }

    /// The observed object is gone, or was replaced by another one.
    fn failed<K: Written>(&self, doing: &'static str, name: &str, error: kube::Error) -> PassError {
        let object = self.described::<K>(name);
        match error {
            kube::Error::Api(status) if status.is_conflict() || status.is_not_found() => {
                PassError::Outdated { object }
            }
            source => PassError::Api { doing, object, source: Box::new(source) },
        }
    }
}
