//! The context that all reconciles of the groups of one scope share.

use std::sync::Arc;

use k8s_openapi::api::{core::v1::Service, policy::v1::PodDisruptionBudget};
use kube::{
    Client, Resource, ResourceExt,
    runtime::reflector::{ObjectRef, Store, store::Writer},
};
use sei_api::{ClusterDomain, SeiNode, SeiNodeDeployment, labels};
use sei_deployment::{HTTPRoute, Routes, groups_that_need};
use sei_render::{Gateway, Platform};
use sei_store::Bucket;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::memory::{Memory, Written};
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

/// The groups to reconcile soon.
pub(crate) type Woken = UnboundedReceiver<ObjectRef<SeiNodeDeployment>>;

/// Writers of the stores that the watches of a scope fill.
#[derive(Default)]
pub(crate) struct Writers {
    pub(crate) groups: Writer<SeiNodeDeployment>,
    pub(crate) services: Writer<Service>,
    pub(crate) budgets: Writer<PodDisruptionBudget>,
    pub(crate) http_routes: Writer<HTTPRoute>,
}

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
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) events: Publisher,
    pub(super) memories: Memories<Memory>,
}

/// What the groups of a scope share with its nodes.
pub(crate) struct Surroundings<'a> {
    pub(crate) client: Client,
    pub(crate) platform: &'a Platform,
    pub(crate) sidecars: Arc<Sidecars>,
    pub(crate) genesis_bucket: Option<Bucket>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) events: Publisher,
}

impl Context {
    /// The context of the scope of `cache`, with the writers of its stores and its queue.
    pub(crate) fn new(of: Surroundings<'_>, cache: &Cache) -> (Arc<Self>, Writers, Woken) {
        let writers = Writers::default();
        let (wake, woken) = unbounded_channel();
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
            progress: Progress::default(),
            nodes: cache.nodes.clone(),
            unreadable_nodes: cache.unreadable.clone(),
            nodes_progress: cache.progress.clone(),
            wake,
            metrics: of.metrics,
            events: of.events,
            memories: Memories::default(),
        };
        (Arc::new(context), writers, woken)
    }

    /// Resolves when the stores of the groups, and of those of their objects that can be watched, have synced.
    pub(super) async fn filled(&self) {
        self.progress.filled(GROUPS).await;
        self.progress.settled().await;
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

    /// Drops the memory of a group that is gone. Another one may have its name by now.
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

    /// What queues `group` when it is called, from anywhere.
    pub(super) fn waker(&self, group: &SeiNodeDeployment) -> impl Fn() + Clone + Send + Sync + use<> {
        let (wake, group) = (self.wake.clone(), ObjectRef::from_obj(group));
        // The receiver is gone only when the controller is shutting down.
        move || drop(wake.send(group.clone()))
    }

    /// Queues a group.
    pub(super) fn wake(&self, group: ObjectRef<SeiNodeDeployment>) {
        // The receiver is gone only when the controller is shutting down.
        let _ = self.wake.send(group);
    }

    /// Queues every group whose last reconciles failed: the cause may be gone.
    pub(super) fn retry_failed(&self) {
        self.memories.failing(&self.groups).into_iter().for_each(|group| self.wake(group));
    }

    /// A SeiNode was created or changed.
    pub(crate) fn node_changed(&self, node: &SeiNode) {
        self.wake_groups_of(node);
    }

    /// A SeiNode was removed.
    pub(crate) fn node_gone(&self, node: &SeiNode) {
        self.object_gone(node);
        self.wake_groups_of(node);
    }

    /// An object of a group was removed.
    pub(super) fn object_gone<K: Written>(&self, object: &K) {
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        for group in groups_of(object).filter_map(|group| self.groups.get(&reference(&group, &namespace))) {
            self.memory(&group, |memory| memory.forget::<K>(&name));
        }
    }

    /// Queues every group of a namespace.
    pub(super) fn wake_namespace(&self, namespace: Option<&str>) {
        let groups = self.groups.state_filter(|group| group.metadata.namespace.as_deref() == namespace);
        groups.iter().for_each(|group| self.wake(ObjectRef::from_obj(&**group)));
    }

    /// Queues the groups that an object may concern.
    pub(super) fn wake_groups_of(&self, object: &impl Resource) {
        let namespace = object.meta().namespace.clone().unwrap_or_default();
        let groups = groups_of(object).map(|group| reference(&group, &namespace));
        groups.filter(|group| self.groups.get(group).is_some()).for_each(|group| self.wake(group));
    }

    /// Queues the groups of any namespace that have the name of the group of a route, and with it the same host names.
    pub(super) fn wake_namesakes(&self, route: &HTTPRoute) {
        let names: Vec<_> = groups_of(route).collect();
        let groups = self.groups.state_filter(|group| names.contains(&group.name_any()));
        groups.iter().for_each(|group| self.wake(ObjectRef::from_obj(&**group)));
    }
}

fn reference(group: &str, namespace: &str) -> ObjectRef<SeiNodeDeployment> {
    ObjectRef::new(group).within(namespace)
}

/// The groups that an object may concern: its owner, the one in its label, and the one that needs its name.
fn groups_of(object: &impl Resource) -> impl Iterator<Item = String> {
    let metadata = object.meta();
    let owners = metadata.owner_references.iter().flatten();
    let owners = owners.filter(|owner| owner.kind == SeiNodeDeployment::kind(&()));
    let labelled = metadata.labels.as_ref().and_then(|all| all.get(labels::DEPLOYMENT));
    let by_name = metadata.name.as_deref().into_iter().flat_map(groups_that_need);
    let mut groups: Vec<_> = owners
        .map(|owner| owner.name.clone())
        .chain(labelled.cloned())
        .chain(by_name.map(str::to_owned))
        .collect();
    groups.sort();
    groups.dedup();
    groups.into_iter()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_wakes_its_owner_the_labeled_group_and_the_group_that_needs_its_name() {
        let node: SeiNode = serde_json::from_value(json!({
            "metadata": {
                "name": "rpc-2", "namespace": "sei", "labels": { labels::DEPLOYMENT: "former" },
                "ownerReferences": [
                    { "apiVersion": "sei.io/v1alpha1", "kind": "SeiNodeDeployment", "name": "owner", "uid": "u" },
                    { "apiVersion": "apps/v1", "kind": "Deployment", "name": "other", "uid": "v" },
                ],
            },
            "spec": { "chainId": "pacific-1", "image": "seid:a", "fullNode": {} },
        }))
        .unwrap();
        assert_eq!(groups_of(&node).collect::<Vec<_>>(), ["former", "owner", "rpc"]);
    }
}
