//! The data volume claim: made once, never changed, deleted only when it is ours.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::{
    Api,
    api::{DeleteParams, PostParams, Preconditions},
};
use sei_api::{SeiNode, conditions::Reason, labels, names};
use sei_decide::{Finding, Observed, objects::is_owned_by};
use sei_plan::Outcome;

use super::refused;
use crate::context::Context;

pub(super) async fn ensure(ctx: &Context, observed: &Observed) -> Outcome {
    if let Some(import) = &observed.import {
        return match import {
            Finding::Good(_) => Outcome::Done,
            Finding::NotYet(why) => {
                Outcome::Waiting { reason: Reason::WaitingForVolume, detail: why.clone() }
            }
            Finding::Bad(why) => Outcome::Rejected { error: why.clone() },
        };
    }
    let node = &observed.node;
    let Some(claim) = sei_render::data_claim(node, &ctx.platform) else { return Outcome::Done };
    let name = names::data_claim(node);
    let api = claims(ctx, node);
    match api.get_opt(&name).await {
        Err(error) => refused(&format!("reading claim {name}"), &error),
        Ok(Some(live)) if is_owned_by(&live, node) => Outcome::Done,
        Ok(Some(_)) => Outcome::Rejected {
            error: format!(
                "claim {name} exists and does not belong to this SeiNode: name it in spec.dataVolume.import.pvcName, or delete it"
            ),
        },
        Ok(None) => {
            let params =
                PostParams { field_manager: Some(labels::FIELD_MANAGER.to_owned()), ..Default::default() };
            match api.create(&params, &claim).await {
                Ok(_) => Outcome::Done,
                // Whose it is shows at the next look.
                Err(kube::Error::Api(status)) if status.is_already_exists() => Outcome::Waiting {
                    reason: Reason::WaitingForVolume,
                    detail: format!("claim {name} was made by somebody just now"),
                },
                Err(error) => refused(&format!("making claim {name}"), &error),
            }
        }
    }
}

/// Deletes the claim that was made for `node`. Imported claims and those of others stay.
pub(crate) async fn delete_own_claim(ctx: &Context, node: &SeiNode) -> Result<(), kube::Error> {
    if names::imported_claim(node).is_some() {
        return Ok(());
    }
    let name = names::data_claim(node);
    let api = claims(ctx, node);
    let Some(claim) = api.get_opt(&name).await?.filter(|claim| is_owned_by(claim, node)) else {
        return Ok(());
    };
    if claim.metadata.deletion_timestamp.is_some() {
        return Ok(());
    }
    let same = Preconditions { uid: claim.metadata.uid.clone(), resource_version: None };
    match api.delete(&name, &DeleteParams::default().preconditions(same)).await {
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(()),
        other => other.map(drop),
    }
}

fn claims(ctx: &Context, node: &SeiNode) -> Api<PersistentVolumeClaim> {
    Api::namespaced(ctx.client.clone(), names::namespace(node))
}
