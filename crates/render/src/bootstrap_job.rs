//! The bootstrap Job: seid from a snapshot up to a height, with the image that can replay those blocks.

use k8s_openapi::{
    api::{
        batch::v1::{Job, JobSpec},
        core::v1::{PodSpec, PodTemplateSpec},
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use sei_api::{SeiNode, labels, names};

use crate::{
    Platform,
    meta::metadata,
    pod::{self, placement, proxy, script, security, seid, sidecar, volumes},
};

/// seid needs time to write its state down.
const GRACE_SECONDS: i64 = 120;
/// How long a finished Job stays, so that its end is seen after an outage of the operator.
const TTL_SECONDS: i32 = 3600;

/// The Job of `node`. `None` where there is no bootstrap.
pub fn bootstrap_job(node: &SeiNode, platform: &Platform) -> Option<Job> {
    let (image, height) = node.spec.snapshot()?.bootstrap()?;
    if !node.spec.needs_bootstrap() {
        return None;
    }
    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(labels::bootstrap(node)),
            annotations: Some(pod::annotations()),
            ..ObjectMeta::default()
        }),
        spec: Some(pod_spec(node, platform, image, height)),
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

fn pod_spec(node: &SeiNode, platform: &Platform, image: &str, height: i64) -> PodSpec {
    let mut init = vec![seid::init(node, image), sidecar::base(node, platform)];
    if node.spec.tls().is_some() {
        init.push(proxy::bare(node, platform));
    }
    let script = script::bootstrap(node.spec.sidecar_port(), height);
    PodSpec {
        // The same DNS name as the node's pod, so that one URL and one certificate serve both.
        hostname: Some(names::pod(node)),
        subdomain: Some(names::stateful_set(node)),
        restart_policy: Some("Never".to_owned()),
        termination_grace_period_seconds: Some(GRACE_SECONDS),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        service_account_name: Some(platform.service_account.clone()),
        share_process_namespace: Some(true),
        security_context: Some(security::pod()),
        tolerations: Some(placement::tolerations(node, platform)),
        affinity: Some(placement::affinity(node, platform)),
        init_containers: Some(init),
        containers: vec![seid::runs(node, platform, image, script)],
        volumes: Some(volumes::bootstrap(node)),
        ..PodSpec::default()
    }
}
