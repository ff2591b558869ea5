//! The objects of a node, from the caches or as returned by the operator's last writes.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use kube::{Resource, ResourceExt};
use sei_api::{SeiNode, labels, names};
use sei_decide::Children;

use crate::{
    context::Context,
    memory::Memory,
    packed::{Packed, get},
};

pub(super) fn find(ctx: &Context, node: &SeiNode) -> Children {
    let cache = &ctx.cache;
    let namespace = names::namespace(node);
    let job = get(&cache.jobs, namespace, &names::bootstrap_job(node));
    let labels = labels::bootstrap(node);
    let is_ours = |pod: &Packed<Pod>| {
        pod.meta().namespace.as_deref() == Some(namespace)
            && pod.nodes().iter().any(|name| name == names::node(node))
    };
    let is_bootstrap = |pod: &Pod| labels.iter().all(|(key, value)| pod.labels().get(key) == Some(value));
    let bootstrap_pod = || {
        let pods = cache.pods.state_filter(is_ours);
        pods.iter().filter_map(|pod| pod.unpack()).find(is_bootstrap).map(Arc::new)
    };
    let stateful_set = get(&cache.stateful_sets, namespace, &names::stateful_set(node));
    let service = get(&cache.services, namespace, &names::stateful_set(node));
    let config_map = get(&cache.config_maps, namespace, &names::rbac_proxy_config(node));
    let (stateful_set, service, config_map) = ctx.memory(node, |Memory { writes, .. }| {
        (writes.newest(stateful_set), writes.newest(service), writes.newest(config_map))
    });
    Children {
        pod_refusal: None,
        bootstrap_pod: job.as_ref().and_then(|_| bootstrap_pod()),
        job,
        stateful_set,
        service,
        config_map,
        pod: get(&cache.pods, namespace, &names::pod(node)),
    }
}
