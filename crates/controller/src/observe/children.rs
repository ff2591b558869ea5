//! The objects of a node, as the caches have them.

use std::sync::Arc;

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    batch::v1::Job,
    core::v1::{ConfigMap, Pod, Service},
};
use sei_api::{SeiNode, names};

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
}

pub(crate) fn find(cache: &Cache, node: &SeiNode) -> Children {
    let namespace = names::namespace(node);
    Children {
        stateful_set: get(&cache.stateful_sets, namespace, &names::stateful_set(node)),
        service: get(&cache.services, namespace, &names::stateful_set(node)),
        config_map: get(&cache.config_maps, namespace, &names::rbac_proxy_config(node)),
        job: get(&cache.jobs, namespace, &names::bootstrap_job(node)),
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
    let conditions = status.conditions.iter().flatten();
    let unscheduled = conditions
        .filter(|condition| condition.type_ == "PodScheduled" && condition.status == "False")
        .map(|condition| condition.message.clone().unwrap_or_default());
    unscheduled.map(|message| format!("not scheduled: {message}")).next()
}
