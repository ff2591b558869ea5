//! What is read of the cluster.

use anyhow::Context;
use jiff::Timestamp;
use k8s_openapi::{
    NamespaceResourceScope,
    api::core::v1::{PersistentVolume, PersistentVolumeClaim, Pod, Secret},
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams},
};
use sei_api::{SeiNode, names};
use sei_tls_rollout::{Observed, Secret as Finding, Target, Volume, stored};

use crate::{check_secret, cli::ClusterArgs, connect::connect};

/// One namespace of a cluster.
pub(super) struct Cluster {
    client: Client,
    namespace: String,
}

impl Cluster {
    pub(super) async fn open(args: &ClusterArgs) -> anyhow::Result<Self> {
        let (client, namespace) = connect(args).await?;
        Ok(Self { client, namespace })
    }

    pub(super) fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub(super) fn certificates(&self) -> Api<DynamicObject> {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("cert-manager.io", "v1", "Certificate"));
        Api::namespaced_with(self.client.clone(), &self.namespace, &kind)
    }

    /// Names of all SeiNodes that belong to no group, and of those that an earlier run has deleted and not recreated.
    pub(super) async fn all(&self) -> anyhow::Result<Vec<String>> {
        let nodes =
            self.api::<SeiNode>().list(&ListParams::default()).await.context("failed to list SeiNodes")?;
        let single =
            |node: &&SeiNode| !node.owner_references().iter().any(|owner| owner.controller == Some(true));
        let mut names: Vec<_> = nodes.items.iter().filter(single).map(ResourceExt::name_any).collect();
        names.extend(self.claims().await?.iter().filter_map(stored).map(|node| node.name_any()));
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// What the cluster shows of the node `name`.
    pub(super) async fn observe(&self, name: &str, target: &Target) -> anyhow::Result<Observed> {
        let node = self.get::<SeiNode>(name).await?;
        let claim = match &node {
            Some(node) => self.get::<PersistentVolumeClaim>(&names::data_claim(node)).await?,
            None => {
                let is_of =
                    |claim: &PersistentVolumeClaim| stored(claim).is_some_and(|node| node.name_any() == name);
                self.claims().await?.into_iter().find(is_of)
            }
        };
        let volume = match claim.as_ref().and_then(|claim| claim.spec.as_ref()?.volume_name.as_deref()) {
            Some(volume) => self.volume(volume).await?,
            None => Volume::Unknown,
        };
        let (secret, certificate) = match (&node, target) {
            (Some(node), Target::Enable { secret, issuer }) => {
                (self.finding(node, secret).await?, issuer.is_some() && self.has_certificate(secret).await?)
            }
            _ => (Finding::Missing, false),
        };
        Ok(Observed {
            volume,
            pod: self.get::<Pod>(&format!("{name}-0")).await?,
            node,
            claim,
            secret,
            certificate,
        })
    }

    async fn claims(&self) -> anyhow::Result<Vec<PersistentVolumeClaim>> {
        let claims = self.api::<PersistentVolumeClaim>().list(&ListParams::default()).await;
        Ok(claims.context("failed to list PersistentVolumeClaims")?.items)
    }

    async fn volume(&self, name: &str) -> anyhow::Result<Volume> {
        let volume = match Api::<PersistentVolume>::all(self.client.clone()).get_opt(name).await {
            Err(kube::Error::Api(status)) if status.code == 403 => None,
            volume => volume.with_context(|| format!("failed to read PersistentVolume {name}"))?,
        };
        let policy = volume.and_then(|volume| volume.spec?.persistent_volume_reclaim_policy);
        Ok(match policy.as_deref() {
            None => Volume::Unknown,
            Some("Retain") => Volume::Retained,
            Some(_) => Volume::Deleted(name.to_owned()),
        })
    }

    /// Never more of a Secret than the verdict on it.
    async fn finding(&self, node: &SeiNode, name: &str) -> anyhow::Result<Finding> {
        let Some(secret) = self.get::<Secret>(name).await? else { return Ok(Finding::Missing) };
        let names = names::required_dns_names(node);
        Ok(match sei_tls::judge(&check_secret::data(&secret), &names, Timestamp::now()) {
            Ok(_) => Finding::Valid,
            Err(problem) => Finding::Invalid(problem.to_string()),
        })
    }

    async fn has_certificate(&self, name: &str) -> anyhow::Result<bool> {
        let found = self.certificates().get_opt(name).await;
        Ok(found.with_context(|| format!("failed to read Certificate {name}"))?.is_some())
    }

    async fn get<K>(&self, name: &str) -> anyhow::Result<Option<K>>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + serde::de::DeserializeOwned,
    {
        let found = self.api::<K>().get_opt(name).await;
        found.with_context(|| format!("failed to read {} {name}", K::kind(&())))
    }
}
