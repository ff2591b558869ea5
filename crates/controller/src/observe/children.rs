//! The objects of a node, as the caches have them.

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use sei_api::{SeiNode, labels, names};
use sei_decide::Children;

use crate::cache::{Cache, get};

pub(crate) fn find(cache: &Cache, node: &SeiNode) -> Children {
    let namespace = names::namespace(node);
    let job = get(&cache.jobs, namespace, &names::bootstrap_job(node));
    let labels = labels::bootstrap(node);
    let is_bootstrap = |pod: &Pod| {
        pod.metadata.namespace.as_deref() == Some(namespace)
            && labels.iter().all(|(key, value)| pod.labels().get(key) == Some(value))
    };
    Children {
        pod_refusal: None,
        bootstrap_pod: job.as_ref().and_then(|_| cache.pods.find(is_bootstrap)),
        job,
        stateful_set: get(&cache.stateful_sets, namespace, &names::stateful_set(node)),
        service: get(&cache.services, namespace, &names::stateful_set(node)),
        config_map: get(&cache.config_maps, namespace, &names::rbac_proxy_config(node)),
        pod: get(&cache.pods, namespace, &names::pod(node)),
    }
}
