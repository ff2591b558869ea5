//! The seictl sidecar: an init container that keeps running.

use k8s_openapi::api::core::v1::{Container, EnvVar, EnvVarSource, SecretKeySelector, VolumeMount};
use sei_api::SeiNode;
use sei_node::ImageReference;

use super::{HOME, Timing, env, mount, read_only, security, seid, sidecar_probe, volumes};
use crate::{Platform, workload::Workload};

/// Image of the sidecar of `node`: from its spec, or the platform's default.
pub fn sidecar_image<'a>(node: &'a SeiNode, platform: &'a Platform) -> &'a str {
    let own = node.spec.sidecar.as_ref().and_then(|sidecar| sidecar.image.as_deref());
    own.filter(|image| !image.is_empty()).unwrap_or(&platform.sidecar_image)
}

/// The sidecar in the node's pod.
pub(crate) fn container(workload: &Workload<'_>) -> Container {
    let mut sidecar = base(workload);
    let env = sidecar.env.get_or_insert_default();
    let mounts = sidecar.volume_mounts.get_or_insert_default();
    mounts.extend(seid::node_key_mount(workload));
    if let Some(keyring) = workload.keyring() {
        // Without a backend the sidecar does not open a keyring at all.
        env.push(super::env("SEI_KEYRING_BACKEND", "file"));
        env.push(from_secret("SEI_KEYRING_PASSPHRASE", keyring.passphrase_secret, keyring.passphrase_key));
        mounts.push(read_only(volumes::KEYRING, &format!("{HOME}/keyring-file")));
    }
    // Behind TLS a probe would go through the proxy and restart the sidecar when the proxy is down; seid's
    // script watches the sidecar instead.
    if workload.tls.is_none() {
        sidecar.liveness_probe =
            Some(sidecar_probe(workload, "/v0/livez", &Timing { delay: 5, period: 10, failures: 3 }));
        sidecar.readiness_probe =
            Some(sidecar_probe(workload, "/v0/healthz", &Timing { delay: 2, period: 5, failures: 6 }));
    }
    sidecar
}

/// The sidecar without probes and key material: for the bootstrap pod, where only seid waits for it.
pub(crate) fn base(workload: &Workload<'_>) -> Container {
    let (pod, platform) = (workload.pod, workload.platform);
    let port = pod.sidecar_port;
    let mut env = vec![
        env("SEI_CHAIN_ID", pod.chain_id),
        env("SEI_SIDECAR_PORT", port.to_string()),
        env("SEI_HOME", HOME),
        env("SEI_GENESIS_BUCKET", &platform.genesis_bucket.name),
        env("SEI_GENESIS_REGION", &platform.genesis_bucket.region),
        env("SEI_SNAPSHOT_BUCKET", &platform.snapshot_bucket.name),
        env("SEI_SNAPSHOT_REGION", &platform.snapshot_bucket.region),
    ];
    if workload.tls.is_some() {
        env.push(super::env("SEI_SIDECAR_AUTHN_MODE", "trusted-header"));
    }
    let mounts: Vec<VolumeMount> = vec![mount(volumes::DATA, HOME), mount(volumes::TMP, "/tmp")];
    Container {
        name: "sei-sidecar".to_owned(),
        image: Some(
            pod.sidecar_image.map_or(platform.sidecar_image.as_str(), ImageReference::as_str).to_owned(),
        ),
        command: Some(vec!["seictl".to_owned(), "serve".to_owned()]),
        restart_policy: Some("Always".to_owned()),
        ports: Some(vec![seid::port("sidecar", port)]),
        env: Some(env),
        volume_mounts: Some(mounts),
        resources: pod.sidecar_resources.clone(),
        security_context: Some(security::read_only()),
        ..Container::default()
    }
}

fn from_secret(variable: &str, secret: &str, key: &str) -> EnvVar {
    let selector = SecretKeySelector { name: secret.to_owned(), key: key.to_owned(), optional: None };
    EnvVar {
        name: variable.to_owned(),
        value: None,
        value_from: Some(EnvVarSource { secret_key_ref: Some(selector), ..EnvVarSource::default() }),
    }
}
