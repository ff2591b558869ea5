//! The bootstrap Job: runs seid from a snapshot up to a height, with the image that can replay those blocks.

use k8s_openapi::{
    api::{
        batch::v1::{Job, JobSpec},
        core::v1::{PodSpec, PodTemplateSpec},
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use sei_api::{labels, names};
use sei_node::ImageReference;

use crate::{
    meta::metadata,
    pod::{self, placement, proxy, script, security, seid, sidecar, volumes},
    workload::Workload,
};

/// seid needs time to write its state to disk.
const GRACE_SECONDS: i64 = 120;
/// How long a finished Job is kept, so that its result can be observed after an outage of the operator.
const TTL_SECONDS: i32 = 3600;

/// The Job; `None` if there is no bootstrap.
pub(crate) fn bootstrap_job(workload: &Workload<'_>) -> Option<Job> {
    let (image, height) = workload.node.bootstrap()?;
    let node = workload.object();
    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(labels::bootstrap(node)),
            annotations: Some(pod::annotations()),
            ..ObjectMeta::default()
        }),
        spec: Some(pod_spec(workload, image, height)),
    };
    Some(Job {
        metadata: metadata(node, names::bootstrap_job(node), labels::bootstrap(node)),
        spec: Some(JobSpec {
            backoff_limit: Some(0),
            ttl_seconds_after_finished: Some(TTL_SECONDS),
            template,
            ..JobSpec::default()
        }),
        status: None,
    })
}

fn pod_spec(workload: &Workload<'_>, image: ImageReference<'_>, height: i64) -> PodSpec {
    let node = workload.object();
    let proxy = workload.tls.map(|tls| proxy::bare(workload, tls));
    let init = [seid::init(workload, image), sidecar::base(workload)].into_iter().chain(proxy);
    let script = script::bootstrap(workload.pod.sidecar_port, height);
    PodSpec {
        // The same DNS name as the node's pod, so that one URL and one certificate serve both.
        hostname: Some(names::pod(node)),
        subdomain: Some(names::stateful_set(node)),
        restart_policy: Some("Never".to_owned()),
        termination_grace_period_seconds: Some(GRACE_SECONDS),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        service_account_name: Some(workload.platform.service_account.clone()),
        share_process_namespace: Some(true),
        security_context: Some(security::pod()),
        tolerations: Some(placement::tolerations(workload)),
        affinity: Some(placement::affinity(workload)),
        init_containers: Some(init.collect()),
        containers: vec![seid::runs(workload, image, script)],
        volumes: Some(volumes::bootstrap(workload)),
        ..PodSpec::default()
    }
}
