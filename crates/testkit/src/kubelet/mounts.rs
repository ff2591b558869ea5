//! The volumes of a pod.

use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret};
use kube::{Api, Client, ResourceExt};

use super::{containers, unpullable};

/// What a pod mounts.
pub(super) struct Mounts {
    /// Name of the TLS Secret.
    pub(super) tls: Option<String>,
    /// UID of the claim.
    pub(super) claim: Option<String>,
}

/// Waits, like the kubelet, for images and for mounted Secrets, ConfigMaps and claims.
pub(super) async fn mounts(client: &Client, namespace: &str, pod: &Pod) -> Result<Mounts, String> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let configs: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), namespace);
    let mut mounts = Mounts { tls: None, claim: None };
    if let Some(why) = containers(pod).find_map(unpullable) {
        return Err(why);
    }
    for volume in pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten()) {
        if let Some(name) = volume.secret.as_ref().and_then(|secret| secret.secret_name.as_deref()) {
            let found = secrets.get_opt(name).await.map_err(|error| error.to_string())?;
            let secret = found.ok_or_else(|| format!("secret {name:?} not found"))?;
            if secret.type_.as_deref() == Some("kubernetes.io/tls") {
                mounts.tls = Some(name.to_owned());
            }
        }
        if let Some(name) = volume.persistent_volume_claim.as_ref().map(|claim| &claim.claim_name) {
            let found = claims.get_opt(name).await.map_err(|error| error.to_string())?;
            let claim = found.ok_or_else(|| format!("persistentvolumeclaim {name:?} not found"))?;
            mounts.claim = claim.uid();
        }
        if let Some(config) = &volume.config_map {
            let found = configs.get_opt(&config.name).await.map_err(|error| error.to_string())?;
            found.ok_or_else(|| format!("configmap {:?} not found", config.name))?;
        }
    }
    Ok(mounts)
}
