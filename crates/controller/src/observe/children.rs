//! The objects of a node, as the caches have them.

use std::sync::Arc;

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    batch::v1::Job,
    core::v1::{ConfigMap, Pod, PodSpec, Service},
};
use kube::ResourceExt;
use sei_api::{SeiNode, labels, names};

use crate::cache::{Cache, get};

/// The objects of a node that exist, whoever owns them.
#[derive(Default)]
pub(crate) struct Children {
    pub(crate) stateful_set: Option<Arc<StatefulSet>>,
    pub(crate) service: Option<Arc<Service>>,
    pub(crate) config_map: Option<Arc<ConfigMap>>,
    pub(crate) job: Option<Arc<Job>>,
    /// The production pod.
    pub(crate) pod: Option<Arc<Pod>>,
    /// The pod of the bootstrap Job.
    pub(crate) bootstrap_pod: Option<Arc<Pod>>,
}

pub(crate) fn find(cache: &Cache, node: &SeiNode) -> Children {
    let namespace = names::namespace(node);
    let job = get(&cache.jobs, namespace, &names::bootstrap_job(node));
    let labels = labels::bootstrap(node);
    let is_bootstrap = |pod: &Pod| {
        pod.metadata.namespace.as_deref() == Some(namespace)
            && labels.iter().all(|(key, value)| pod.labels().get(key) == Some(value))
    };
    Children {
        bootstrap_pod: job.as_ref().and_then(|_| cache.pods.find(is_bootstrap)),
        job,
        stateful_set: get(&cache.stateful_sets, namespace, &names::stateful_set(node)),
        service: get(&cache.services, namespace, &names::stateful_set(node)),
        config_map: get(&cache.config_maps, namespace, &names::rbac_proxy_config(node)),
        pod: get(&cache.pods, namespace, &names::pod(node)),
    }
}

/// Whether the pod says it is ready.
pub(crate) fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// What keeps a pod from running, in the kubelet's or scheduler's words.
pub(crate) fn trouble(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let containers = status.init_container_statuses.iter().flatten();
    for container in containers.chain(status.container_statuses.iter().flatten()) {
        let waiting = container.state.as_ref().and_then(|state| state.waiting.as_ref());
        let Some(reason) = waiting.and_then(|waiting| waiting.reason.as_deref()) else { continue };
        if !matches!(reason, "PodInitializing" | "ContainerCreating") {
            let message = waiting.and_then(|waiting| waiting.message.as_deref()).unwrap_or_default();
            let text = format!("container {} ({}): {reason} {message}", container.name, container.image);
            return Some(text.trim_end().to_owned());
        }
    }
    unscheduled(pod).map(|message| format!("not scheduled: {message}"))
}

/// Why the scheduler finds no place for a pod, in its words.
pub(crate) fn unscheduled(pod: &Pod) -> Option<&str> {
    let mut conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let refused = conditions.find(|it| it.type_ == "PodScheduled" && it.status == "False")?;
    Some(refused.message.as_deref().unwrap_or_default())
}

/// Image of the seid container in the template.
pub(crate) fn seid_image(stateful_set: &StatefulSet) -> Option<&str> {
    image_of(stateful_set.spec.as_ref()?.template.spec.as_ref())
}

/// Image of the seid container of a pod.
pub(crate) fn image_of(pod: Option<&PodSpec>) -> Option<&str> {
    pod?.containers.iter().find(|container| container.name == "seid")?.image.as_deref()
}
