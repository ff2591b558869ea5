//! Executes one step. Each request names exactly the object that the step was decided for.

use anyhow::Context;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions},
};
use sei_api::{
    SeiNode, SeiNodeDeployment,
    labels::{RECREATE_ANNOTATION, RECREATE_GROUP_ANNOTATION},
};
use sei_tls_rollout::{GroupStep, Step};
use serde_json::{Value, json};

use super::{
    cluster::Cluster,
    describe::{describe, describe_group},
};

const MANAGER: &str = "sei-operator-tls";

/// Executes `step` for the node `name`. A conflict means that something changed since it was decided: the
/// caller observes again.
pub(super) async fn carry_out(cluster: &Cluster, name: &str, step: &Step) -> anyhow::Result<()> {
    let outcome = match step {
        Step::Issue(certificate) => issue(&cluster.certificates(), certificate).await,
        Step::Keep { claim, uid, resource_version, recreate } => {
            let kept = json!({ "metadata": {
                "uid": uid,
                "resourceVersion": resource_version,
                "annotations": { RECREATE_ANNOTATION: recreate },
                // The SeiNode was the only owner.
                "ownerReferences": null,
            }});
            merge(&cluster.api(), claim, &kept).await
        }
        Step::Delete { uid } => {
            let this = Preconditions { uid: Some(uid.clone()), resource_version: None };
            let params = DeleteParams { preconditions: Some(this), ..DeleteParams::default() };
            cluster.api::<SeiNode>().delete(name, &params).await.map(drop)
        }
        Step::Create(node) => cluster.api::<SeiNode>().create(&PostParams::default(), node).await.map(drop),
        Step::HandOver { claim, uid, resource_version, owner } => {
            let owned = json!({ "metadata": {
                "uid": uid, "resourceVersion": resource_version, "ownerReferences": [owner],
            }});
            merge(&cluster.api(), claim, &owned).await
        }
        Step::Forget { claim, uid } => forget(cluster, claim, uid, RECREATE_ANNOTATION).await,
    };
    unless_outdated(outcome).with_context(|| format!("failed to {}", describe(name, step)))
}

/// Executes `step` for the group `name`, like [`carry_out`].
pub(super) async fn carry_out_for_group(
    cluster: &Cluster,
    name: &str,
    step: &GroupStep,
) -> anyhow::Result<()> {
    let groups = cluster.api::<SeiNodeDeployment>();
    let outcome = match step {
        GroupStep::Issue { certificate, .. } => issue(&cluster.certificates(), certificate).await,
        GroupStep::Keep { claim, uid, resource_version, recreate } => {
            let kept = json!({ "metadata": {
                "uid": uid,
                "resourceVersion": resource_version,
                "annotations": { RECREATE_GROUP_ANNOTATION: recreate },
            }});
            merge(&cluster.api(), claim, &kept).await
        }
        GroupStep::Delete { uid, resource_version } => {
            let this =
                Preconditions { uid: Some(uid.clone()), resource_version: Some(resource_version.clone()) };
            let params = DeleteParams::orphan().preconditions(this);
            groups.delete(name, &params).await.map(drop)
        }
        GroupStep::Create(group) => groups.create(&PostParams::default(), group).await.map(drop),
        GroupStep::Forget { claim, uid } => forget(cluster, claim, uid, RECREATE_GROUP_ANNOTATION).await,
    };
    unless_outdated(outcome).with_context(|| format!("failed to {}", describe_group(name, step)))
}

fn unless_outdated(outcome: kube::Result<()>) -> kube::Result<()> {
    match outcome {
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        outcome => outcome,
    }
}

async fn forget(cluster: &Cluster, claim: &str, uid: &str, annotation: &str) -> kube::Result<()> {
    let forgotten = json!({ "metadata": { "uid": uid, "annotations": { annotation: null } } });
    merge(&cluster.api(), claim, &forgotten).await
}

async fn issue(certificates: &Api<DynamicObject>, certificate: &Value) -> kube::Result<()> {
    let object: DynamicObject =
        serde_json::from_value(certificate.clone()).map_err(kube::Error::SerdeError)?;
    certificates
        .patch(&object.name_any(), &PatchParams::apply(MANAGER), &Patch::Apply(certificate))
        .await
        .map(drop)
}

async fn merge(claims: &Api<PersistentVolumeClaim>, name: &str, patch: &Value) -> kube::Result<()> {
    let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    claims.patch(name, &params, &Patch::Merge(patch)).await.map(drop)
}
