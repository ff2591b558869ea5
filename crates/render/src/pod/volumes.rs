//! Volumes of the pods, in their order in the manifest.

use k8s_openapi::api::core::v1::{
    ConfigMapProjection, ConfigMapVolumeSource, DownwardAPIProjection, DownwardAPIVolumeFile,
    EmptyDirVolumeSource, KeyToPath, ObjectFieldSelector, PersistentVolumeClaimVolumeSource,
    ProjectedVolumeSource, SecretVolumeSource, ServiceAccountTokenProjection, Volume, VolumeProjection,
};
use sei_api::names;

use crate::workload::Workload;

pub(crate) const DATA: &str = "data";
pub(crate) const TMP: &str = "sidecar-tmp";
/// Name of the volume with the signing key of a validator.
pub const SIGNING_KEY: &str = "signing-key";
/// Data key of the signing key in its Secret, and its file in the pod.
pub const SIGNING_KEY_FILE: &str = "priv_validator_key.json";
pub(crate) const NODE_KEY: &str = "node-key";
pub(crate) const NODE_KEY_FILE: &str = "node_key.json";
pub(crate) const KEYRING: &str = "operator-keyring";
pub(crate) const PROXY_CONFIG: &str = "rbac-proxy-config";
pub(crate) const TLS: &str = "sidecar-tls";
pub(crate) const PROXY_ACCOUNT: &str = "rbac-proxy-account";

/// Readable by the owner only; the kubelet adds the group of the volume.
const PRIVATE: i32 = 0o400;
/// The API server's default.
const READABLE: i32 = 0o644;
/// The kubelet renews the token long before it expires.
const TOKEN_SECONDS: i64 = 3600;

/// Volumes of the node's pod.
pub(crate) fn all(workload: &Workload<'_>) -> Vec<Volume> {
    let mut volumes = vec![data(workload), tmp()];
    if let Some(keys) = workload.keys() {
        volumes.push(secret(SIGNING_KEY, keys.signing, Some(SIGNING_KEY_FILE)));
        volumes.push(secret(NODE_KEY, keys.node, Some(NODE_KEY_FILE)));
    }
    volumes.extend(workload.keyring().map(|keyring| secret(KEYRING, keyring.secret, None)));
    volumes.extend(tls(workload));
    volumes
}

/// Volumes of the bootstrap pod, which never mounts a key.
pub(crate) fn bootstrap(workload: &Workload<'_>) -> Vec<Volume> {
    let mut volumes = vec![data(workload), tmp()];
    volumes.extend(tls(workload));
    volumes
}

fn data(workload: &Workload<'_>) -> Volume {
    let claim_name = names::data_claim(workload.object());
    let claim = PersistentVolumeClaimVolumeSource { claim_name, read_only: None };
    Volume { persistent_volume_claim: Some(claim), ..named(DATA) }
}

fn tmp() -> Volume {
    Volume { empty_dir: Some(EmptyDirVolumeSource::default()), ..named(TMP) }
}

fn tls(workload: &Workload<'_>) -> Vec<Volume> {
    let Some(tls) = workload.tls else { return Vec::new() };
    let name = names::rbac_proxy_config(workload.object());
    let config = ConfigMapVolumeSource { name, ..ConfigMapVolumeSource::default() };
    vec![Volume { config_map: Some(config), ..named(PROXY_CONFIG) }, secret(TLS, tls.secret, None), account()]
}

/// What the kubelet mounts in every container with `automountServiceAccountToken`, for the proxy only.
fn account() -> Volume {
    let token = ServiceAccountTokenProjection {
        path: "token".to_owned(),
        expiration_seconds: Some(TOKEN_SECONDS),
        audience: None,
    };
    let authority = ConfigMapProjection {
        name: "kube-root-ca.crt".to_owned(),
        items: Some(vec![item("ca.crt")]),
        optional: None,
    };
    let namespace = DownwardAPIVolumeFile {
        path: "namespace".to_owned(),
        field_ref: Some(ObjectFieldSelector {
            api_version: Some("v1".to_owned()),
            field_path: "metadata.namespace".to_owned(),
        }),
        ..DownwardAPIVolumeFile::default()
    };
    let namespace = DownwardAPIProjection { items: Some(vec![namespace]) };
    let sources = vec![
        VolumeProjection { service_account_token: Some(token), ..VolumeProjection::default() },
        VolumeProjection { config_map: Some(authority), ..VolumeProjection::default() },
        VolumeProjection { downward_api: Some(namespace), ..VolumeProjection::default() },
    ];
    let projected = ProjectedVolumeSource { sources: Some(sources), default_mode: Some(READABLE) };
    Volume { projected: Some(projected), ..named(PROXY_ACCOUNT) }
}

fn secret(volume: &str, name: &str, only: Option<&str>) -> Volume {
    let items = only.map(|file| vec![item(file)]);
    let source = SecretVolumeSource {
        secret_name: Some(name.to_owned()),
        default_mode: Some(PRIVATE),
        items,
        optional: None,
    };
    Volume { secret: Some(source), ..named(volume) }
}

fn item(file: &str) -> KeyToPath {
    KeyToPath { key: file.to_owned(), path: file.to_owned(), mode: None }
}

fn named(name: &str) -> Volume {
    Volume { name: name.to_owned(), ..Volume::default() }
}
