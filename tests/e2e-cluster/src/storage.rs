//! Volumes of claims: a directory on the node for each, created when the claim's pod is scheduled, removed
//! with the claim.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use anyhow::Context;
use futures::StreamExt;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, PostParams},
    runtime::{WatchStreamExt, watcher},
};
use serde_json::json;

use crate::NODE;

const PROVISIONER: &str = "e2e.local/folder";
const FOLDERS: &str = "/run/e2e/volumes";

/// Creates and removes volumes until it is cancelled.
pub(crate) async fn provide(client: &Client) -> anyhow::Result<()> {
    let claims: Api<PersistentVolumeClaim> = Api::all(client.clone());
    let volumes: Api<PersistentVolume> = Api::all(client.clone());
    let events = watcher::Config::default;
    let mut claimed = watcher(claims, events()).default_backoff().applied_objects().boxed();
    let mut released = watcher(volumes.clone(), events()).default_backoff().applied_objects().boxed();
    loop {
        // A broken watch restarts automatically.
        tokio::select! {
            Some(claim) = claimed.next() => if let Some(volume) = claim.ok().as_ref().and_then(volume_for) {
                make(&volumes, &volume).await?;
            },
            Some(volume) = released.next() => if let Some(volume) = volume.ok().filter(is_done_with) {
                remove(&volumes, &volume.name_any()).await?;
            },
            else => anyhow::bail!("the watches of volumes ended"),
        }
    }
}

/// The volume for a claim that waits for one of this provisioner.
fn volume_for(claim: &PersistentVolumeClaim) -> Option<PersistentVolume> {
    let annotation = |name: &str| claim.annotations().get(name).map(String::as_str);
    let ours = annotation("volume.kubernetes.io/storage-provisioner") == Some(PROVISIONER)
        && annotation("volume.kubernetes.io/selected-node") == Some(NODE);
    let spec = claim.spec.as_ref().filter(|spec| ours && spec.volume_name.is_none())?;
    let name = format!("pvc-{}", claim.uid()?);
    // `local`, not `hostPath`: the kubelet applies a pod's fsGroup only to the former.
    let volume = json!({
        "metadata": { "name": name, "annotations": { "pv.kubernetes.io/provisioned-by": PROVISIONER } },
        "spec": {
            "capacity": spec.resources.as_ref()?.requests,
            "accessModes": spec.access_modes,
            "storageClassName": spec.storage_class_name,
            "persistentVolumeReclaimPolicy": "Delete",
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": claim.namespace(),
                "name": claim.name_any(),
                "uid": claim.uid(),
            },
            "local": { "path": format!("{FOLDERS}/{name}") },
            "nodeAffinity": { "required": { "nodeSelectorTerms": [{ "matchExpressions": [
                { "key": "kubernetes.io/hostname", "operator": "In", "values": [NODE] },
            ] }] } },
        },
    });
    serde_json::from_value(volume).ok()
}

/// Whether a volume of this provisioner was released and must not be retained.
fn is_done_with(volume: &PersistentVolume) -> bool {
    let ours =
        volume.annotations().get("pv.kubernetes.io/provisioned-by").is_some_and(|by| by == PROVISIONER);
    let phase = volume.status.as_ref().and_then(|status| status.phase.as_deref());
    let policy = volume.spec.as_ref().and_then(|spec| spec.persistent_volume_reclaim_policy.as_deref());
    ours && phase == Some("Released") && policy == Some("Delete")
}

async fn make(volumes: &Api<PersistentVolume>, volume: &PersistentVolume) -> anyhow::Result<()> {
    let folder = Path::new(FOLDERS).join(volume.name_any());
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777))?;
    match volumes.create(&PostParams::default(), volume).await {
        Ok(_) => Ok(()),
        // The claim was observed again before it was bound.
        Err(kube::Error::Api(refusal)) if refusal.is_already_exists() => Ok(()),
        Err(error) => Err(error).with_context(|| format!("create volume {}", volume.name_any())),
    }
}

async fn remove(volumes: &Api<PersistentVolume>, name: &str) -> anyhow::Result<()> {
    match volumes.delete(name, &DeleteParams::default()).await {
        Ok(_) => {}
        Err(kube::Error::Api(refusal)) if refusal.is_not_found() => {}
        Err(error) => return Err(error).with_context(|| format!("delete volume {name}")),
    }
    match fs::remove_dir_all(Path::new(FOLDERS).join(name)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove the folder of volume {name}"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(annotations: &serde_json::Value, volume: Option<&str>) -> PersistentVolumeClaim {
        serde_json::from_value(json!({
            "metadata": { "name": "data", "namespace": "n", "uid": "1-2", "annotations": annotations },
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "gp3",
                "resources": { "requests": { "storage": "1Gi" } },
                "volumeName": volume,
            },
        }))
        .unwrap()
    }

    #[test]
    fn a_claim_gets_a_volume_once_its_pod_is_scheduled() {
        let mut annotations = json!({ "volume.kubernetes.io/storage-provisioner": PROVISIONER });
        assert!(volume_for(&claim(&annotations, None)).is_none());
        annotations["volume.kubernetes.io/selected-node"] = NODE.into();
        let volume = volume_for(&claim(&annotations, None)).unwrap();
        assert_eq!(volume.name_any(), "pvc-1-2");
        assert_eq!(volume.spec.unwrap().claim_ref.unwrap().name.as_deref(), Some("data"));
        assert!(volume_for(&claim(&annotations, Some("pvc-1-2"))).is_none(), "it has one");
        annotations["volume.kubernetes.io/storage-provisioner"] = "other".into();
        assert!(volume_for(&claim(&annotations, None)).is_none(), "another's");
    }
}
