//! Server-side apply of the objects of a node, never of objects with another owner.

use std::fmt::Debug;

use k8s_openapi::api::core::v1::Service;
use kube::{
    Api, Resource, ResourceExt,
    api::{Patch, PatchParams},
    core::NamespaceResourceScope,
};
use sei_api::{SeiNode, conditions::ReadyReason, labels, names};
use sei_decide::{
    Observed, Ownership,
    objects::{is_owned_by, seid_image},
};
use sei_plan::{Outcome, Persisted, Plan};
use serde::{Serialize, de::DeserializeOwned};

use super::{ending, foreign, refused};
use crate::{context::Context, refusal::words};

/// Why an object was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApplyError {
    /// The name is taken.
    #[error("{kind} {name} exists and does not belong to this SeiNode")]
    Foreign {
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
    },
    /// The name is still taken.
    #[error("{kind} {name} is being deleted")]
    Ending {
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
    },
    /// The API server's words.
    #[error("failed to write {kind} {name}: {}", words(source))]
    Api {
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
        /// What went wrong.
        source: Box<kube::Error>,
    },
}

/// Writes `object` if its name is free or it is `node`'s.
pub(crate) async fn apply<K>(ctx: &Context, node: &SeiNode, object: &K) -> Result<K, ApplyError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned,
{
    let (kind, name) = (K::kind(&()).into_owned(), object.name_any());
    let failed =
        |source| ApplyError::Api { kind: kind.clone(), name: name.clone(), source: Box::new(source) };
    let api: Api<K> = Api::namespaced(ctx.client.clone(), names::namespace(node));
    // Forced apply would take fields of an object that another controller created.
    let live = api.get_metadata_opt(&name).await.map_err(failed)?;
    match live.map(|live| Ownership::of(&live, node)) {
        Some(Ownership::Foreign) => Err(ApplyError::Foreign { kind, name }),
        Some(Ownership::Ending) => Err(ApplyError::Ending { kind, name }),
        Some(Ownership::Own) | None => {
            let params = PatchParams::apply(labels::FIELD_MANAGER).force();
            api.patch(&name, &params, &Patch::Apply(object)).await.map_err(failed)
        }
    }
}

/// The outcome of a task that applies.
pub(super) fn outcome<K>(applied: Result<K, ApplyError>) -> Outcome {
    match applied {
        Ok(_) => Outcome::Done,
        Err(ApplyError::Foreign { kind, name }) => foreign(&kind, &name),
        Err(ApplyError::Ending { kind, name }) => ending(&kind, &name),
        Err(ApplyError::Api { kind, name, source }) => refused(&format!("write {kind} {name}"), &source),
    }
}

pub(super) async fn rbac_proxy_config(ctx: &Context, node: &SeiNode) -> Outcome {
    match sei_render::rbac_proxy_config(node) {
        Some(config) => outcome(apply(ctx, node, &config).await),
        None => Outcome::Done,
    }
}

/// A plan of the Go controller leaves a StatefulSet alone that is for this image already: taking over
/// restarts no pod, and what else differs waits for the next update.
pub(super) async fn stateful_set(ctx: &Context, observed: &Observed, plan: &Plan<Persisted>) -> Outcome {
    let node = &*observed.node;
    let live = observed.children.stateful_set.as_deref().filter(|live| is_owned_by(*live, node));
    if plan.is_adopted() && live.and_then(seid_image) == Some(node.spec.image.as_str()) {
        return Outcome::Done;
    }
    if observed.children.pod.is_none() {
        match ctx.exclusives.live(&ctx.client, node).await.map(|found| found.rival) {
            Ok(None) => {}
            Ok(Some(rival)) => {
                return Outcome::Waiting { reason: ReadyReason::WaitingForRelease, detail: rival.message };
            }
            Err(error) => return refused("list the pods of the chain", &error),
        }
    }
    outcome(apply(ctx, node, &sei_render::stateful_set(node, &ctx.platform)).await)
}

pub(super) async fn service(ctx: &Context, node: &SeiNode) -> Outcome {
    outcome(apply(ctx, node, &sei_render::service(node)).await)
}

pub(super) async fn bootstrap_service(ctx: &Context, node: &SeiNode) -> Outcome {
    match sei_render::bootstrap_service(node) {
        Some(service) => outcome::<Service>(apply(ctx, node, &service).await),
        None => Outcome::Done,
    }
}
