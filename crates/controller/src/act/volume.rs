//! The data volume claim: created once, never changed, deleted only if the SeiNode owns it.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions},
};
use sei_api::{SeiNode, conditions::ReadyReason, labels, names, v1alpha1::Mode};
use sei_decide::{Claim, Finding, Observed, Ownership, is_own, is_retained_for};
use sei_plan::Outcome;
use sei_render::{Rendered, owner_reference};
use serde_json::json;

use super::{ending, refused};
use crate::context::Context;

pub(super) async fn ensure(ctx: &Context, observed: &Observed, rendered: &Rendered) -> Outcome {
    if let Some(import) = &observed.import {
        return match import {
            Finding::Good(_) => done_on(observed.claim.as_ref().map(|claim| claim.uid.clone())),
            Finding::NotYet(why) | Finding::Unread(why) => {
                Outcome::Waiting { reason: ReadyReason::WaitingForVolume, detail: why.clone() }
            }
            Finding::Bad(why) => Outcome::Rejected { error: why.clone() },
        };
    }
    let node = &observed.node;
    let Some(claim) = &rendered.data_claim else { return Outcome::Done };
    let name = names::data_claim(node);
    let api = claims(ctx, node);
    if observed.claim.is_none()
        && let Some(outcome) = create(ctx, node, claim).await
    {
        return outcome;
    }
    let live = match api.get_opt(&name).await {
        Ok(Some(live)) => live,
        Ok(None) => {
            return create(ctx, node, claim).await.unwrap_or_else(|| Outcome::Waiting {
                reason: ReadyReason::WaitingForVolume,
                detail: format!("claim {name} has just been created by another client"),
            });
        }
        Err(error) => return refused(&format!("read claim {name}"), &error),
    };
    match Ownership::of(&live, node) {
        Ownership::Own => done_on(live.metadata.uid),
        Ownership::Ending => ending("claim", &name),
        Ownership::Foreign if is_kept(&live) => Outcome::Waiting {
            reason: ReadyReason::WaitingForVolume,
            detail: format!(
                "`sei-operator tls` holds claim {name} until the old pod is gone; if the command was interrupted, run \
                 it again"
            ),
        },
        Ownership::Foreign if is_own(&live, node) => done_on(live.metadata.uid),
        Ownership::Foreign if is_retained_for(&live, node) => Outcome::Rejected {
            error: format!(
                "claim {name} was retained for a SeiNode of this name: to reuse its data, set spec.dataVolume.retainOnDelete: true; to start without it, delete the claim"
            ),
        },
        Ownership::Foreign => Outcome::Rejected {
            error: format!(
                "claim {name} exists and is not controlled by this SeiNode. To keep its data, delete this SeiNode and recreate it with spec.dataVolume.import.pvcName: {name}; to start without its data, delete the claim"
            ),
        },
    }
}

/// Whether `claim` is kept for a SeiNode that replaces a deleted one.
fn is_kept(claim: &PersistentVolumeClaim) -> bool {
    claim.owner_references().is_empty() && claim.annotations().contains_key(labels::RECREATE_ANNOTATION)
}

/// Creates `claim` of `node`; `None` if one with that name exists.
async fn create(ctx: &Context, node: &SeiNode, claim: &PersistentVolumeClaim) -> Option<Outcome> {
    let params = PostParams { field_manager: Some(labels::FIELD_MANAGER.to_owned()), ..Default::default() };
    match claims(ctx, node).create(&params, claim).await {
        Ok(created) => {
            let uid = created.metadata.uid.clone();
            ctx.memory(node, |memory| memory.writes.keep(created));
            Some(done_on(uid))
        }
        Err(kube::Error::Api(status)) if status.is_already_exists() => None,
        Err(error) => Some(refused(&format!("create claim {}", names::data_claim(node)), &error)),
    }
}

/// Whether the data of `node` outlives its pod, read from the API server.
///
/// # Errors
/// The outcome of a step that must not delete the pod.
pub(super) async fn check_kept(ctx: &Context, node: &SeiNode) -> Result<(), Outcome> {
    let name = names::data_claim(node);
    let live = claims(ctx, node).get_opt(&name).await;
    let live = live.map_err(|error| refused(&format!("read claim {name}"), &error))?;
    match live {
        Some(claim) if claim.metadata.deletion_timestamp.is_none() => Ok(()),
        found => {
            let why = if found.is_some() { "is being deleted" } else { "does not exist" };
            let detail =
                format!("the pod is kept because claim {name} {why}: its data would be lost with the pod");
            Err(Outcome::Waiting { reason: ReadyReason::WaitingForVolume, detail })
        }
    }
}

fn done_on(uid: Option<String>) -> Outcome {
    uid.map_or(Outcome::Done, |uid| Outcome::DoneOn { uid })
}

/// Marks `claim` as initialized: its volume holds the state of the node's chain.
pub(crate) async fn mark_initialized(
    ctx: &Context,
    node: &SeiNode,
    claim: &Claim,
) -> Result<(), kube::Error> {
    let mode = node.spec.mode().map(Mode::config_mode);
    let patch = json!({ "metadata": {
        "uid": claim.uid,
        "annotations": {
            labels::INITIALIZED_ANNOTATION: node.spec.chain_id,
            labels::CONFIG_MODE_ANNOTATION: mode,
        },
    }});
    let params = PatchParams { field_manager: Some(labels::FIELD_MANAGER.to_owned()), ..Default::default() };
    claims(ctx, node).patch_metadata(&claim.name, &params, &Patch::Merge(&patch)).await?;
    ctx.memory(node, |memory| memory.initialized = Some(claim.uid.clone()));
    Ok(())
}

/// Adds or removes the owner reference of the claim created for `node`, so that the claim outlives the node only if the
/// spec requests it.
pub(crate) async fn apply_retention(ctx: &Context, node: &SeiNode) -> Result<(), kube::Error> {
    let Some(claim) = own_claim(ctx, node).await? else { return Ok(()) };
    let retains = node.spec.retains_data();
    let mut owners = claim.metadata.owner_references.clone().unwrap_or_default();
    owners.retain(|owner| Some(&owner.uid) != node.metadata.uid.as_ref());
    owners.extend(owner_reference(node).filter(|_| !retains));
    let patch = json!({ "metadata": {
        "uid": claim.metadata.uid,
        "resourceVersion": claim.metadata.resource_version,
        "ownerReferences": owners,
        "labels": { labels::RETAINED_FOR: retains.then(|| names::node(node)) },
    }});
    let params = PatchParams { field_manager: Some(labels::FIELD_MANAGER.to_owned()), ..Default::default() };
    let api = claims(ctx, node);
    api.patch_metadata(&names::data_claim(node), &params, &Patch::Merge(&patch)).await.map(drop)
}

/// The claim that was created for `node`, unless it is being deleted. Imported claims and those with other owners are not.
async fn own_claim(ctx: &Context, node: &SeiNode) -> Result<Option<PersistentVolumeClaim>, kube::Error> {
    if names::imported_claim(node).is_some() {
        return Ok(None);
    }
    let claim = claims(ctx, node).get_opt(&names::data_claim(node)).await?;
    Ok(claim.filter(|claim| is_own(claim, node) && claim.metadata.deletion_timestamp.is_none()))
}

/// Deletes the claim that was created for `node`.
pub(crate) async fn delete_own_claim(ctx: &Context, node: &SeiNode) -> Result<(), kube::Error> {
    let Some(claim) = own_claim(ctx, node).await? else { return Ok(()) };
    let (name, api) = (names::data_claim(node), claims(ctx, node));
    let same = Preconditions { uid: claim.metadata.uid.clone(), resource_version: None };
    match api.delete(&name, &DeleteParams::default().preconditions(same)).await {
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(()),
        other => other.map(drop),
    }
}

fn claims(ctx: &Context, node: &SeiNode) -> Api<PersistentVolumeClaim> {
    Api::namespaced(ctx.client.clone(), names::namespace(node))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::{Request, Response};
    use kube::{Client, client::Body};
    use serde_json::Value;
    use tokio::sync::mpsc;

    use super::*;
    use crate::testbed;

    /// Marks the claim of a full node; the API server responds with `code`. Returns the request, and the UID of the
    /// claim that is recorded as marked.
    async fn marked(code: u16) -> (String, Value, Option<String>) {
        let (sent, mut requests) = mpsc::unbounded_channel();
        let client = tower::service_fn(move |request: Request<Body>| {
            let sent = sent.clone();
            async move {
                let target = format!("{} {}", request.method(), request.uri().path());
                let body = request.into_body().collect_bytes().await.unwrap();
                sent.send((target, serde_json::from_slice(&body).unwrap())).unwrap();
                let body = Body::from(testbed::failure(code).1.to_string().into_bytes());
                Ok::<_, Infallible>(Response::builder().status(code).body(body).unwrap())
            }
        });
        let (ctx, _writers) = testbed::context(&Client::new(client, "default"), &[]);
        let node = testbed::node("u", json!({ "fullNode": {} }));
        let object = json!({ "metadata": { "name": "data-node-0", "uid": "claim-1" } });
        let claim = Claim::of(&serde_json::from_value(object).unwrap(), &node);
        let result = mark_initialized(&ctx, &node, &claim).await;
        assert_eq!(result.is_ok(), code == 200);
        let (target, body) = requests.recv().await.unwrap();
        (target, body, ctx.memory(&node, |memory| memory.initialized.clone()))
    }

    #[tokio::test]
    async fn the_observed_claim_is_marked_with_the_chain_and_the_mode_of_its_configuration() {
        let (target, body, known) = marked(200).await;
        assert_eq!(target, "PATCH /api/v1/namespaces/sei/persistentvolumeclaims/data-node-0");
        let marks = json!({ "sei.io/initialized": "pacific-1", "sei.io/config-mode": "full" });
        // Another claim of that name has another UID, and the API server refuses the change.
        assert_eq!(body, json!({ "metadata": { "uid": "claim-1", "annotations": marks } }));
        assert_eq!(known.as_deref(), Some("claim-1"));
    }

    #[tokio::test]
    async fn a_claim_whose_mark_is_refused_does_not_count_as_marked() {
        assert_eq!(marked(403).await.2, None);
    }
}
