//! The single writes of a group.

use std::{fmt::Debug, sync::Arc};

use k8s_openapi::{api::core::v1::Service, apimachinery::pkg::apis::meta::v1::OwnerReference};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, Preconditions},
    core::NamespaceResourceScope,
};
use sei_api::{SeiNode, SeiNodeDeployment, labels};
use sei_deployment::{internal_service_name, is_owned_by, taken_over};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::context::Context;
use crate::{error::PassError, finalizers, trim};

/// A group that writes. What a write returns is kept until the caches have it.
pub(super) struct Target<'a> {
    pub(super) ctx: &'a Context,
    pub(super) group: &'a SeiNodeDeployment,
}

impl Target<'_> {
    pub(super) async fn mark(&self) -> Result<(), PassError> {
        let finalizer = labels::DEPLOYMENT_FINALIZER.to_owned();
        self.write_finalizers(&[self.group.finalizers(), &[finalizer]].concat()).await
    }

    /// Removes the finalizer if the group owns no SeiNode, as the API server has them: one that a cache does not have yet
    /// would be deleted by the garbage collector, although it may have to be retained.
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

    pub(super) async fn apply_node(&self, name: &str, body: Value) -> Result<(), PassError> {
        self.keep_node(self.apply(name, body).await?);
        Ok(())
    }

    /// The caches do not hold all managed fields, so the live ones are read.
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
        self.keep_node(written);
        Ok(())
    }

    pub(super) async fn delete_node(&self, name: &str, uid: &str) -> Result<(), PassError> {
        let this = Preconditions { uid: Some(uid.to_owned()), resource_version: None };
        let deleted = self.api::<SeiNode>().delete(name, &DeleteParams::default().preconditions(this)).await;
        // It stays until its finalizers are gone.
        if let Some(node) = deleted.map_err(|error| self.failed::<SeiNode>("delete", name, error))?.left() {
            self.keep_node(node);
        }
        Ok(())
    }

    pub(super) async fn release_node(
        &self,
        name: &str,
        version: &str,
        owners: &[OwnerReference],
    ) -> Result<(), PassError> {
        self.keep_node(self.release(name, version, owners).await?);
        Ok(())
    }

    pub(super) async fn apply_service(&self, body: Value) -> Result<(), PassError> {
        self.keep_service(self.apply(&internal_service_name(self.group), body).await?);
        Ok(())
    }

    pub(super) async fn release_service(
        &self,
        version: &str,
        owners: &[OwnerReference],
    ) -> Result<(), PassError> {
        self.keep_service(self.release(&internal_service_name(self.group), version, owners).await?);
        Ok(())
    }

    fn keep_node(&self, mut node: SeiNode) {
        trim::node(&mut node);
        self.ctx.memory(self.group, |memory| memory.keep_node(Arc::new(node)));
    }

    fn keep_service(&self, mut service: Service) {
        trim::group_service(&mut service);
        self.ctx.memory(self.group, |memory| memory.service.keep(Arc::new(service)));
    }

    async fn apply<K: Object>(&self, name: &str, body: Value) -> Result<K, PassError> {
        let params = PatchParams::apply(labels::DEPLOYMENT_FIELD_MANAGER).force();
        let written = self.api::<K>().patch(name, &params, &Patch::Apply(&body)).await;
        written.map_err(|error| self.failed::<K>("write", name, error))
    }

    /// Leaves an object these owners, at this version of it.
    async fn release<K: Object>(
        &self,
        name: &str,
        version: &str,
        owners: &[OwnerReference],
    ) -> Result<K, PassError> {
        let manager = Some(labels::DEPLOYMENT_FIELD_MANAGER.to_owned());
        let params = PatchParams { field_manager: manager, ..PatchParams::default() };
        let body = json!({ "metadata": { "resourceVersion": version, "ownerReferences": owners } });
        let written = self.api::<K>().patch(name, &params, &Patch::Merge(&body)).await;
        written.map_err(|error| self.failed::<K>("remove the owner reference of", name, error))
    }

    fn api<K: Object>(&self) -> Api<K> {
        Api::namespaced(self.ctx.client.clone(), &self.group.namespace().unwrap_or_default())
    }

    fn described<K: Object>(&self, name: &str) -> String {
        format!("{} {}/{name}", K::kind(&()), self.group.namespace().unwrap_or_default())
    }

    /// What was decided on is no longer there, or is another object by now.
    fn failed<K: Object>(&self, doing: &'static str, name: &str, error: kube::Error) -> PassError {
        let object = self.described::<K>(name);
        match error {
            kube::Error::Api(status) if status.is_conflict() || status.is_not_found() => {
                PassError::Outdated { object }
            }
            source => PassError::Api { doing, object, source: Box::new(source) },
        }
    }
}

/// What a group writes.
trait Object:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned
{
}

impl Object for SeiNode {}
impl Object for Service {}
