//! The objects that were read from the cluster.

use std::collections::BTreeSet;

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    batch::v1::Job,
    core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Service},
    policy::v1::PodDisruptionBudget,
};
use kube::Resource;
use serde_json::Value;

/// The objects of all nodes and groups.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// SeiNodes as returned by the API server.
    pub nodes: Vec<Value>,
    /// SeiNodeDeployments as returned by the API server.
    pub groups: Vec<Value>,
    /// Volume claims.
    pub claims: Vec<PersistentVolumeClaim>,
    /// StatefulSets.
    pub stateful_sets: Vec<StatefulSet>,
    /// Services.
    pub services: Vec<Service>,
    /// PodDisruptionBudgets.
    pub budgets: Vec<PodDisruptionBudget>,
    /// ConfigMaps.
    pub config_maps: Vec<ConfigMap>,
    /// Jobs.
    pub jobs: Vec<Job>,
    /// Pods.
    pub pods: Vec<Pod>,
    /// Namespace and name of each Secret; absent if they may not be listed.
    pub secrets: Option<BTreeSet<(String, String)>>,
}

/// The object of this name.
pub(crate) fn find<'a, K: Resource>(objects: &'a [K], namespace: &str, name: &str) -> Option<&'a K> {
    objects.iter().find(|object| {
        let meta = object.meta();
        meta.namespace.as_deref() == Some(namespace) && meta.name.as_deref() == Some(name)
    })
}
