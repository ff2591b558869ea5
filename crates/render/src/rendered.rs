//! All objects that are written for a node over its lifetime.

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    batch::v1::Job,
    core::v1::{ConfigMap, PersistentVolumeClaim, Service},
};
use sei_node::Node;
use serde::Serialize;
use serde_json::Value;

use crate::{
    Platform, RenderError,
    bootstrap_job::bootstrap_job,
    data_claim::data_claim,
    rbac_proxy_config::rbac_proxy_config,
    service::{bootstrap_service, service},
    stateful_set::stateful_set,
    workload::Workload,
};

/// The objects of a node on a platform.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// The data volume claim; `None` if one is imported.
    pub data_claim: Option<PersistentVolumeClaim>,
    /// Configuration of kube-rbac-proxy; `None` without TLS.
    pub rbac_proxy_config: Option<ConfigMap>,
    /// Gives the bootstrap pod the DNS name of the node's pod; `None` if there is no bootstrap. It has the
    /// name of [`service`](Self::service), which replaces it.
    pub bootstrap_service: Option<Service>,
    /// Runs seid from a snapshot up to a height; `None` if there is no bootstrap.
    pub bootstrap_job: Option<Job>,
    /// One pod, replaced only by the operator (`OnDelete`), on a claim that outlives it.
    pub stateful_set: StatefulSet,
    /// Headless; gives the pod its DNS name and lists seid's ports.
    pub service: Service,
}

impl Rendered {
    /// Renders the objects of `node`.
    ///
    /// # Errors
    /// [`RenderError`] if the spec of the pod is invalid, or the platform cannot run it.
    pub fn of(node: Node<'_>, platform: &Platform) -> Result<Self, RenderError> {
        Workload::of(&node, platform).map(|workload| Self::from(&workload))
    }

    /// All objects, in the order of the initial plan.
    pub fn to_values(&self) -> Vec<Value> {
        let objects = [
            value(self.data_claim.as_ref()),
            value(self.rbac_proxy_config.as_ref()),
            value(self.bootstrap_service.as_ref()),
            value(self.bootstrap_job.as_ref()),
            value(Some(&self.stateful_set)),
            value(Some(&self.service)),
        ];
        objects.into_iter().flatten().collect()
    }
}

impl From<&Workload<'_>> for Rendered {
    fn from(workload: &Workload<'_>) -> Self {
        Self {
            data_claim: data_claim(workload),
            rbac_proxy_config: rbac_proxy_config(workload),
            bootstrap_service: bootstrap_service(workload),
            bootstrap_job: bootstrap_job(workload),
            stateful_set: stateful_set(workload),
            service: service(workload),
        }
    }
}

/// Objects of the API are serialized with their `apiVersion` and `kind`; this cannot fail.
fn value(object: Option<impl Serialize>) -> Option<Value> {
    serde_json::to_value(object?).ok()
}
