//! Reads from the cluster.

use std::collections::BTreeSet;

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
use sei_api::{ClusterDomain, SeiNode, SeiNodeDeployment, labels, names};
use sei_tls_rollout::{
    Group, Observed, ObservedGroup, Secret as Finding, Target, Volume, members, stored, stored_group,
};

use crate::{
    check_secret,
    cli::{ClusterArgs, tls::Subject},
    connect::connect,
    input,
};

/// One namespace of a cluster.
pub(super) struct Cluster {
    client: Client,
    namespace: String,
    domain: ClusterDomain,
}

impl Cluster {
    pub(super) async fn open(args: &ClusterArgs) -> anyhow::Result<Self> {
        let domain = input::cluster_domain()?;
        let (client, namespace) = connect(args).await?;
        Ok(Self { client, namespace, domain })
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

    /// All SeiNodes and SeiNodeDeployments, including those that an earlier run deleted and has not recreated.
    pub(super) async fn all(&self) -> anyhow::Result<Vec<Subject>> {
        let list = ListParams::default();
        let nodes = self.api::<SeiNode>().list(&list).await.context("failed to list SeiNodes")?;
        let groups = match self.api::<SeiNodeDeployment>().list(&list).await {
            // The kind is not installed.
            Err(kube::Error::Api(status)) if status.code == 404 => Vec::new(),
            groups => groups.context("failed to list SeiNodeDeployments")?.items,
        };
        let claims = self.claims().await?;
        let (stored_nodes, stored_groups) =
            (claims.iter().filter_map(stored), claims.iter().filter_map(stored_group));
        let groups: BTreeSet<_> = groups.into_iter().chain(stored_groups).map(|it| it.name_any()).collect();
        let is_single = |node: &SeiNode| {
            let of_group = node.labels().get(labels::DEPLOYMENT).is_some_and(|name| groups.contains(name));
            !of_group && !node.owner_references().iter().any(|owner| owner.controller == Some(true))
        };
        let nodes = nodes.items.into_iter().chain(stored_nodes).filter(is_single);
        let nodes: BTreeSet<_> = nodes.map(|node| Subject::Node(node.name_any())).collect();
        Ok(nodes.into_iter().chain(groups.into_iter().map(Subject::Group)).collect())
    }

    /// The observed state of the group `name`.
    pub(super) async fn observe_group(&self, name: &str, target: &Target) -> anyhow::Result<ObservedGroup> {
        let group = self.get::<SeiNodeDeployment>(name).await?;
        let is_of =
            |claim: &PersistentVolumeClaim| stored_group(claim).is_some_and(|group| group.name_any() == name);
        let claim = self.claims().await?.into_iter().find(is_of);
        let known = group.clone().or_else(|| stored_group(claim.as_ref()?));
        let owner = Group {
            name: name.to_owned(),
            uid: group.as_ref().and_then(ResourceExt::uid).unwrap_or_default(),
        };
        let mut nodes = Vec::new();
        for member in known.as_ref().map(members).unwrap_or_default() {
            let observed = self.observe(&member, &target.of(&member)).await?;
            nodes.push((member, Observed { group: Some(owner.clone()), ..observed }));
        }
        let first = || nodes.last().and_then(|(_, first)| first.claim.clone());
        Ok(ObservedGroup { claim: claim.or_else(first), group, nodes })
    }

    /// The observed state of the node `name`.
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
            domain: self.domain.clone(),
            group: None,
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

    /// Checks a Secret. Returns only the verdict, none of its data.
    async fn finding(&self, node: &SeiNode, name: &str) -> anyhow::Result<Finding> {
        let Some(secret) = self.get::<Secret>(name).await? else { return Ok(Finding::Missing) };
        let names = names::required_dns_names(node, &self.domain);
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
