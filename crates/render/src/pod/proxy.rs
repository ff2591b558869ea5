//! kube-rbac-proxy: TLS, authentication and authorization in front of the sidecar's API.

use k8s_openapi::{
    api::core::v1::{Container, Probe, TCPSocketAction},
    apimachinery::pkg::util::intstr::IntOrString,
};
use sei_api::{labels, ports};

use super::{Timing, read_only, security, seid, sidecar_probe, timed, volumes};
use crate::{
    Platform, RBAC_PROXY_CONFIG_KEY,
    workload::{Tls, Workload},
};

const CONFIG: &str = "/etc/kube-rbac-proxy";
const TLS: &str = "/etc/tls";
/// Where clients inside a pod expect the API server's CA and a token.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Image of the proxy of every node with TLS.
pub fn proxy_image(platform: &Platform) -> Option<&str> {
    platform.proxy_image.as_deref()
}

/// The proxy: an init container that keeps running, so that the plan can reach the sidecar before seid starts.
pub(crate) fn container(workload: &Workload<'_>, tls: Tls<'_>) -> Container {
    let ready = sidecar_probe(workload, "/v0/healthz", &Timing { delay: 2, period: 5, failures: 6 });
    Container {
        startup_probe: Some(tcp(&Timing { delay: 5, period: 5, failures: 60 })),
        // Checks only the proxy itself. A probe that is passed on to the sidecar would restart the wrong
        // process.
        liveness_probe: Some(tcp(&Timing { delay: 5, period: 10, failures: 3 })),
        readiness_probe: Some(ready),
        ..bare(workload, tls)
    }
}

/// The proxy without probes, as it runs in the bootstrap pod.
pub(crate) fn bare(workload: &Workload<'_>, tls: Tls<'_>) -> Container {
    Container {
        name: "kube-rbac-proxy".to_owned(),
        image: Some(tls.proxy_image.to_owned()),
        args: Some(args(workload)),
        restart_policy: Some("Always".to_owned()),
        ports: Some(vec![seid::port("api", ports::RBAC_PROXY)]),
        volume_mounts: Some(vec![
            read_only(volumes::PROXY_CONFIG, CONFIG),
            read_only(volumes::TLS, TLS),
            read_only(volumes::PROXY_ACCOUNT, ACCOUNT),
        ]),
        security_context: Some(security::read_only()),
        ..Container::default()
    }
}

fn args(workload: &Workload<'_>) -> Vec<String> {
    vec![
        format!("--secure-listen-address=0.0.0.0:{}", ports::RBAC_PROXY),
        format!("--upstream=http://127.0.0.1:{}/", workload.pod.sidecar_port),
        format!("--config-file={CONFIG}/{RBAC_PROXY_CONFIG_KEY}"),
        format!("--tls-cert-file={TLS}/tls.crt"),
        format!("--tls-private-key-file={TLS}/tls.key"),
        "--tls-reload-interval=30s".to_owned(),
        "--ignore-paths=/v0/healthz,/v0/startupz,/v0/livez,/v0/metrics".to_owned(),
        // The sidecar answers 401 without the name of the caller, and would trust a header set by the caller.
        "--auth-header-fields-enabled=true".to_owned(),
        format!("--auth-token-audiences={}", labels::sidecar_audience(workload.object())),
        "--v=0".to_owned(),
    ]
}

fn tcp(timing: &Timing) -> Probe {
    let socket = TCPSocketAction { port: IntOrString::Int(ports::RBAC_PROXY.into()), host: None };
    Probe { tcp_socket: Some(socket), ..timed(timing) }
}
