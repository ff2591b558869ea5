//! The containers that run seid: once to initialize its home, then permanently.

use k8s_openapi::{
    api::core::v1::{
        Container, ContainerPort, EnvVar, HTTPGetAction, Lifecycle, LifecycleHandler, Probe,
        ResourceRequirements, SleepAction, VolumeMount,
    },
    apimachinery::pkg::{api::resource::Quantity, util::intstr::IntOrString},
};
use sei_api::{labels, ports};
use sei_node::{ImageReference, Mode, whole_quantity};

use super::{HOME, Timing, env, mount, read_only, script, security, sidecar_probe, timed, volumes};
use crate::workload::Workload;

/// How long seid keeps serving after the termination of its pod was requested: every machine removes its address from
/// the Services meanwhile, so that no client request fails.
const DRAIN_SECONDS: i64 = 5;
/// How long seid then has to terminate; the default of Kubernetes.
const GRACE_SECONDS: i64 = 30;
/// Share of the memory limit that Go may use.
const GO_PERCENT: i64 = 87;

/// Creates seid's home on an empty volume.
pub(crate) fn init(workload: &Workload<'_>, image: ImageReference<'_>) -> Container {
    Container {
        name: "seid-init".to_owned(),
        image: Some(image.to_string()),
        command: Some(vec!["/bin/sh".to_owned(), "-c".to_owned(), script::init(workload.pod.chain_id)]),
        env: Some(vec![env("HOME", HOME)]),
        volume_mounts: Some(vec![mount(volumes::DATA, HOME)]),
        security_context: Some(security::writable()),
        ..Container::default()
    }
}

/// seid of the node.
///
/// No probe restarts it. The startup probe checks the sidecar, which is ready when the node's plan has completed: that
/// may take days. After that, readiness depends on how far seid lags behind the chain. A liveness probe would restart a
/// validator in the middle of a replay; a hung seid is reported in `Ready`.
pub(crate) fn container(workload: &Workload<'_>) -> Container {
    let lag = HTTPGetAction {
        path: Some("/lag_status".to_owned()),
        port: IntOrString::Int(ports::RPC.into()),
        ..HTTPGetAction::default()
    };
    let readiness = Probe {
        http_get: Some(lag),
        timeout_seconds: Some(5),
        ..timed(&Timing { delay: 30, period: 10, failures: 3 })
    };
    let sidecar = workload.pod.sidecar_port;
    let script = match workload.tls {
        Some(_) => script::start_and_watch(sidecar),
        None => script::start(sidecar),
    };
    let mut mounts = vec![mount(volumes::DATA, HOME)];
    mounts.extend(key_mount(workload, volumes::SIGNING_KEY, volumes::SIGNING_KEY_FILE));
    mounts.extend(node_key_mount(workload));
    Container {
        ports: Some(ports::SEID.iter().map(|(name, number)| port(name, *number)).collect()),
        startup_probe: Some(sidecar_probe(
            workload,
            "/v0/healthz",
            &Timing { delay: 5, period: 5, failures: 86400 },
        )),
        readiness_probe: Some(readiness),
        lifecycle: is_behind_service(workload).then(drain),
        volume_mounts: Some(mounts),
        ..runs(workload, workload.pod.image, script)
    }
}

/// How long the pod of the node has to terminate; `None` for the default.
pub(crate) fn termination_grace_period(workload: &Workload<'_>) -> Option<i64> {
    is_behind_service(workload).then_some(DRAIN_SECONDS + GRACE_SECONDS)
}

/// Whether clients call the node through the Service of its group. Only peers call validators.
fn is_behind_service(workload: &Workload<'_>) -> bool {
    let is_in_group = labels::node_labels(workload.object()).contains_key(labels::DEPLOYMENT);
    is_in_group && !matches!(workload.node.mode, Mode::Validator { .. })
}

fn drain() -> Lifecycle {
    let sleep = SleepAction { seconds: DRAIN_SECONDS };
    let pre_stop = LifecycleHandler { sleep: Some(sleep), ..LifecycleHandler::default() };
    Lifecycle { pre_stop: Some(pre_stop), ..Lifecycle::default() }
}

/// What the seid containers of the node's pod and of the bootstrap pod have in common.
pub(crate) fn runs(workload: &Workload<'_>, image: ImageReference<'_>, script: String) -> Container {
    let size = workload.size();
    let mut variables = vec![env("HOME", HOME), env("TMPDIR", format!("{HOME}/tmp"))];
    variables.extend(size.memory_limit.as_ref().and_then(go_memory));
    let limit = size.memory_limit.clone().map(|limit| [("memory".to_owned(), limit)].into());
    let requests = [("cpu", &size.cpu), ("memory", &size.memory)];
    Container {
        name: "seid".to_owned(),
        image: Some(image.to_string()),
        command: Some(vec!["/bin/bash".to_owned(), "-c".to_owned()]),
        args: Some(vec![script]),
        env: Some(variables),
        resources: Some(ResourceRequirements {
            requests: Some(requests.map(|(name, quantity)| (name.to_owned(), quantity.clone())).into()),
            limits: limit,
            ..ResourceRequirements::default()
        }),
        volume_mounts: Some(vec![mount(volumes::DATA, HOME)]),
        security_context: Some(security::writable()),
        ..Container::default()
    }
}

/// Makes Go collect garbage before the limit is reached. The rest is for memory that Go does not manage, such as that
/// of RocksDB.
fn go_memory(limit: &Quantity) -> Option<EnvVar> {
    let bytes = whole_quantity(limit)?;
    Some(env("GOMEMLIMIT", (bytes / 100 * GO_PERCENT).to_string()))
}

/// Mounts the node key over the temporary one of `seid init`, for seid and for the sidecar, which reports the
/// node's ID.
pub(crate) fn node_key_mount(workload: &Workload<'_>) -> Option<VolumeMount> {
    key_mount(workload, volumes::NODE_KEY, volumes::NODE_KEY_FILE)
}

/// A validator's key as a sub-path mount, so that a change of the Secret never reaches a running seid.
fn key_mount(workload: &Workload<'_>, volume: &str, file: &str) -> Option<VolumeMount> {
    workload.keys().map(|_| VolumeMount {
        sub_path: Some(file.to_owned()),
        ..read_only(volume, &format!("{HOME}/config/{file}"))
    })
}

pub(crate) fn port(name: &str, number: u16) -> ContainerPort {
    ContainerPort {
        name: Some(name.to_owned()),
        container_port: number.into(),
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    }
}
