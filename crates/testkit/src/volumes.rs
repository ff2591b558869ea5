//! Volumes, created like a provisioner does.

use anyhow::Context;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;

use crate::cluster::{Cluster, NAMESPACE};

/// Binds the claim of a node to a separate volume, with this reclaim policy.
///
/// # Errors
/// If the claim does not exist, or the volume already exists.
pub async fn bind(cluster: &Cluster, node: &str, policy: &str) -> anyhow::Result<()> {
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    let volumes: Api<PersistentVolume> = Api::all(cluster.client.clone());
    let (name, params) = (format!("data-{node}"), PatchParams::default());
    let claim = claims.get(&name).await.with_context(|| format!("get {name}"))?;
    let capacity = claim.spec.and_then(|spec| spec.resources).and_then(|resources| resources.requests);
    let volume = json!({
        "metadata": { "name": node },
        "spec": { "capacity": capacity, "accessModes": ["ReadWriteOnce"], "hostPath": { "path": "/nowhere" },
            "persistentVolumeReclaimPolicy": policy, "claimRef": { "namespace": NAMESPACE, "name": name } },
    });
    let created = volumes.create(&PostParams::default(), &serde_json::from_value(volume)?).await;
    created.with_context(|| format!("create volume {node}"))?;
    claims.patch(&name, &params, &Patch::Merge(json!({ "spec": { "volumeName": node } }))).await?;
    let status = json!({ "phase": "Bound", "capacity": capacity, "accessModes": ["ReadWriteOnce"] });
    claims.patch_status(&name, &params, &Patch::Merge(json!({ "status": status }))).await?;
    let bound = Patch::Merge(json!({ "status": { "phase": "Bound" } }));
    volumes.patch_status(node, &params, &bound).await?;
    Ok(())
}
