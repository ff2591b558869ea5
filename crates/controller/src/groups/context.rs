//! The context that all reconciles of the groups of one scope share.

use std::sync::Arc;

use futures::future::join_all;
use k8s_openapi::api::{core::v1::Service, policy::v1::PodDisruptionBudget};
use kube::{
    Client, ResourceExt,
    runtime::reflector::{ObjectRef, Store},
};
use sei_api::{ClusterDomain, SeiNode, SeiNodeDeployment};
use sei_deployment::{HTTPRoute, Routes};
use sei_render::{Gateway, Platform};
use sei_store::Bucket;
use tokio::sync::mpsc::UnboundedSender;

use super::{
    memory::Memory,
    stores::{Published, Stores, Woken, Writers},
};
use crate::{
    cache::{Cache, Filling, Progress, is_in},
    events::Publisher,
    memories::Memories,
    metrics::{Controller, Metrics},
    sidecar::Sidecars,
    unreadable::Names,
};

/// Names of the watched kinds in progress and metrics.
pub(super) const GROUPS: &str = "SeiNodeDeployment";
pub(super) const SERVICES: &str = "Service";
pub(super) const BUDGETS: &str = "PodDisruptionBudget";
pub(super) const ROUTES: &str = "HTTPRoute";

pub(crate) struct Context {
    pub(crate) client: Client,
    /// The DNS domain of the cluster.
    pub(crate) domain: ClusterDomain,
    pub(super) platform: Platform,
    pub(super) sidecars: Arc<Sidecars>,
    /// The platform's genesis bucket, if the operator can list it.
    pub(super) genesis_bucket: Option<Bucket>,
    pub(crate) groups: Store<SeiNodeDeployment>,
    /// Services with the label of groups.
    pub(crate) services: Store<Service>,
    /// All PodDisruptionBudgets of the scope.
    pub(crate) budgets: Store<PodDisruptionBudget>,
    /// HTTPRoutes with the label of groups.
    pub(crate) http_routes: Store<HTTPRoute>,
    /// The Gateway that routes attach to.
    pub(crate) gateway: Option<Arc<Gateway>>,
    /// Sync state of these stores.
    pub(crate) progress: Progress,
    /// All SeiNodes of the scope.
    pub(crate) nodes: Store<SeiNode>,
    /// SeiNodes that cannot be decoded.
    pub(crate) unreadable_nodes: Names,
    /// Sync state of the stores of SeiNodes and their objects.
    pub(crate) nodes_progress: Progress,
    pub(crate) wake: UnboundedSender<ObjectRef<SeiNodeDeployment>>,
    /// What groups of every scope publish to each other: host names and chain IDs are shared by all namespaces.
    pub(super) everywhere: Arc<[Published]>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) events: Publisher,
    pub(super) memories: Memories<Memory>,
}

/// What the groups of a scope share with its nodes.
pub(crate) struct Dependencies<'a> {
    pub(crate) client: Client,
    pub(crate) platform: &'a Platform,
    pub(crate) sidecars: Arc<Sidecars>,
    pub(crate) genesis_bucket: Option<Bucket>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) events: Publisher,
}

impl Context {
    /// The context of the scope of `cache` and `stores`, with the writers of these stores and its queue.
    pub(crate) fn new(
        of: Dependencies<'_>,
        cache: &Cache,
        stores: Stores,
        everywhere: Arc<[Published]>,
    ) -> (Arc<Self>, Writers, Woken) {
        let Stores { writers, progress, wake, woken } = stores;
        let context = Self {
            client: of.client,
            domain: of.platform.cluster_domain().clone(),
            platform: of.platform.clone(),
            sidecars: of.sidecars,
            genesis_bucket: of.genesis_bucket,
            groups: writers.groups.as_reader(),
            services: writers.services.as_reader(),
            budgets: writers.budgets.as_reader(),
            http_routes: writers.http_routes.as_reader(),
            gateway: of.platform.gateway().cloned().map(Arc::new),
            progress,
            nodes: cache.nodes.clone(),
            unreadable_nodes: cache.unreadable.clone(),
            nodes_progress: cache.progress.clone(),
            wake,
            everywhere,
            metrics: of.metrics,
            events: of.events,
            memories: Memories::default(),
        };
        (Arc::new(context), writers, woken)
    }

    /// Resolves when the stores of the groups and of all their objects that can be watched have synced, and the stores
    /// of the other scopes have synced as far as possible.
    pub(super) async fn filled(&self) {
        self.progress.filled(GROUPS).await;
        join_all(self.everywhere.iter().map(|scope| scope.progress.settled())).await;
    }

    /// A kind that groups depend on and that the operator may not watch.
    pub(super) fn denied(&self) -> Option<&'static str> {
        let denied = |progress: &Progress, kind| progress.of(Filling::Denied).contains(&kind).then_some(kind);
        denied(&self.progress, SERVICES).or_else(|| denied(&self.nodes_progress, "SeiNode"))
    }

    /// Whether all PodDisruptionBudgets are known.
    pub(super) fn knows_budgets(&self) -> bool {
        self.progress.of(Filling::Done).contains(&BUDGETS)
    }

    /// Whether HTTPRoutes can be written.
    pub(super) fn routes(&self) -> Routes {
        let Some(gateway) = &self.gateway else { return Routes::NoGateway };
        match self.progress.get(ROUTES) {
            Filling::Done => Routes::At(Arc::clone(gateway)),
            Filling::Denied => Routes::Denied,
            Filling::Waiting | Filling::Absent => Routes::NotInstalled,
        }
    }

    /// The memory of a group.
    pub(super) fn memory<T>(&self, group: &SeiNodeDeployment, with: impl FnOnce(&mut Memory) -> T) -> T {
        self.memories.with(group, with)
    }

    /// Drops the memory of a deleted group. A new group may already have the same name.
    pub(super) fn forget(&self, group: &SeiNodeDeployment) {
        self.memories.forget(group);
        if self.groups.get(&ObjectRef::from_obj(group)).is_none() {
            let namespace = group.namespace().unwrap_or_default();
            self.metrics.forget(Controller::Groups, &namespace, &group.name_any());
        }
    }

    /// Whether this group, by UID, is in the store.
    pub(super) fn has(&self, group: &SeiNodeDeployment) -> bool {
        is_in(&self.groups, group)
    }
}
