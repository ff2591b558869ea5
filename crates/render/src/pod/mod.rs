//! The pod of a node, and what the bootstrap pod shares with it.

pub(crate) mod exporter;
pub(crate) mod placement;
pub(crate) mod proxy;
pub(crate) mod script;
pub(crate) mod security;
pub(crate) mod seid;
pub(crate) mod sidecar;
pub(crate) mod volumes;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{EnvVar, HTTPGetAction, PodSpec, Probe, VolumeMount};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use sei_api::{labels, ports};

use crate::workload::Workload;

/// Mount path of the data volume, and HOME of all processes that use it.
pub(crate) const HOME: &str = "/.sei";

/// The pod template of the StatefulSet.
pub(crate) fn spec(workload: &Workload<'_>) -> PodSpec {
    let platform = workload.platform;
    let proxy = workload.tls.map(|tls| proxy::container(workload, tls));
    let init = [seid::init(workload, workload.pod.image), sidecar::container(workload)];
    PodSpec {
        // Only the proxy accesses the API server, and mounts a separate token.
        automount_service_account_token: Some(false),
        service_account_name: Some(platform.service_account.clone()),
        // A Service called seid-… in the namespace would set variables that seid reads as its configuration.
        enable_service_links: Some(false),
        // The sidecar signals seid.
        share_process_namespace: Some(true),
        security_context: Some(security::pod()),
        tolerations: Some(placement::tolerations(workload)),
        affinity: Some(placement::affinity(workload)),
        topology_spread_constraints: placement::spread(workload),
        termination_grace_period_seconds: seid::termination_grace_period(workload),
        init_containers: Some(init.into_iter().chain(proxy).collect()),
        containers: vec![seid::container(workload), exporter::container(platform)],
        volumes: Some(volumes::all(workload)),
        ..PodSpec::default()
    }
}

/// Annotations of every pod of a node.
pub(crate) fn annotations() -> BTreeMap<String, String> {
    BTreeMap::from([(labels::DO_NOT_DISRUPT.to_owned(), "true".to_owned())])
}

fn env(name: &str, value: impl Into<String>) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(value.into()), value_from: None }
}

fn mount(volume: &str, path: &str) -> VolumeMount {
    VolumeMount { name: volume.to_owned(), mount_path: path.to_owned(), ..VolumeMount::default() }
}

fn read_only(volume: &str, path: &str) -> VolumeMount {
    VolumeMount { read_only: Some(true), ..mount(volume, path) }
}

/// When a probe runs, and how often it may fail.
struct Timing {
    delay: i32,
    period: i32,
    failures: i32,
}

/// A probe of `path` on the sidecar's API from outside the pod: through the proxy under TLS, with which the sidecar
/// itself listens only on loopback.
fn sidecar_probe(workload: &Workload<'_>, path: &str, timing: &Timing) -> Probe {
    let (port, scheme) = match workload.tls {
        Some(_) => (ports::RBAC_PROXY, Some("HTTPS".to_owned())),
        None => (workload.pod.sidecar_port, None),
    };
    let get = HTTPGetAction {
        path: Some(path.to_owned()),
        port: IntOrString::Int(port.into()),
        scheme,
        ..HTTPGetAction::default()
    };
    Probe { http_get: Some(get), ..timed(timing) }
}

fn timed(timing: &Timing) -> Probe {
    Probe {
        initial_delay_seconds: Some(timing.delay),
        period_seconds: Some(timing.period),
        failure_threshold: Some(timing.failures),
        ..Probe::default()
    }
}
