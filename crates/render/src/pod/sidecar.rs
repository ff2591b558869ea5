//! The seictl sidecar: an init container that keeps running.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Container, EnvVar, EnvVarSource, ResourceRequirements, SecretKeySelector, VolumeMount,
};
use sei_api::SeiNode;
use sei_node::canonical_quantity;

use super::{HOME, Timing, env, mount, read_only, security, seid, sidecar_probe, volumes};
use crate::Platform;

/// Image of the sidecar of `node`: its own, or the platform's.
pub fn sidecar_image<'a>(node: &'a SeiNode, platform: &'a Platform) -> &'a str {
    let own = node.spec.sidecar.as_ref().and_then(|sidecar| sidecar.image.as_deref());
    own.filter(|image| !image.is_empty()).unwrap_or(&platform.sidecar_image)
}

/// The sidecar in the node's pod.
pub(crate) fn container(node: &SeiNode, platform: &Platform) -> Container {
    let mut sidecar = base(node, platform);
    let env = sidecar.env.get_or_insert_default();
    let mounts = sidecar.volume_mounts.get_or_insert_default();
    mounts.extend(seid::node_key_mount(node));
    if let Some(keyring) = volumes::keyring(node) {
        // Without a backend the sidecar opens no keyring at all.
        env.push(super::env("SEI_KEYRING_BACKEND", "file"));
        let passphrase = &keyring.passphrase_secret_ref;
        env.push(from_secret("SEI_KEYRING_PASSPHRASE", &passphrase.secret_name, &passphrase.key));
        mounts.push(read_only(volumes::KEYRING, &format!("{HOME}/keyring-file")));
    }
    // Behind TLS a probe would pass the proxy, and restart the sidecar when the proxy is down: seid's script watches
    // the sidecar instead.
    if node.spec.tls().is_none() {
        sidecar.liveness_probe =
            Some(sidecar_probe(node, "/v0/livez", &Timing { delay: 5, period: 10, failures: 3 }));
        sidecar.readiness_probe =
            Some(sidecar_probe(node, "/v0/healthz", &Timing { delay: 2, period: 5, failures: 6 }));
    }
    sidecar
}

/// The sidecar without probes and key material: that of the bootstrap pod, which nothing waits for but seid.
pub(crate) fn base(node: &SeiNode, platform: &Platform) -> Container {
    let port = node.spec.sidecar_port();
    let mut env = vec![
        env("SEI_CHAIN_ID", &node.spec.chain_id),
        env("SEI_SIDECAR_PORT", port.to_string()),
        env("SEI_HOME", HOME),
        env("SEI_GENESIS_BUCKET", &platform.genesis_bucket.name),
        env("SEI_GENESIS_REGION", &platform.genesis_bucket.region),
        env("SEI_SNAPSHOT_BUCKET", &platform.snapshot_bucket.name),
        env("SEI_SNAPSHOT_REGION", &platform.snapshot_bucket.region),
    ];
    if node.spec.tls().is_some() {
        env.push(super::env("SEI_SIDECAR_AUTHN_MODE", "trusted-header"));
    }
    let mounts: Vec<VolumeMount> = vec![mount(volumes::DATA, HOME), mount(volumes::TMP, "/tmp")];
    Container {
        name: "sei-sidecar".to_owned(),
        image: Some(sidecar_image(node, platform).to_owned()),
        command: Some(vec!["seictl".to_owned(), "serve".to_owned()]),
        restart_policy: Some("Always".to_owned()),
        ports: Some(vec![seid::port("sidecar", port)]),
        env: Some(env),
        volume_mounts: Some(mounts),
        resources: resources(node),
        security_context: Some(security::read_only()),
        ..Container::default()
    }
}

/// The spec's resources, quantities in the form in which the API server keeps them.
fn resources(node: &SeiNode) -> Option<ResourceRequirements> {
    let mut resources = node.spec.sidecar.as_ref()?.resources.clone()?;
    for quantity in
        [&mut resources.requests, &mut resources.limits].into_iter().flatten().flat_map(BTreeMap::values_mut)
    {
        if let Some(canonical) = canonical_quantity(quantity) {
            *quantity = canonical;
        }
    }
    Some(resources)
}

fn from_secret(variable: &str, secret: &str, key: &str) -> EnvVar {
    let selector = SecretKeySelector { name: secret.to_owned(), key: key.to_owned(), optional: None };
    EnvVar {
        name: variable.to_owned(),
        value: None,
        value_from: Some(EnvVarSource { secret_key_ref: Some(selector), ..EnvVarSource::default() }),
    }
}
