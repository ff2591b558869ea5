//! Server-side apply of the objects of a node, never of objects with another owner.

use std::fmt::Debug;

use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
};
use sei_api::{SeiNode, labels, names};
use sei_decide::{
    Observed, Ownership,
    objects::{is_owned_by, seid_image},
};
use sei_plan::{Outcome, Persisted, Plan};
use sei_render::Rendered;
use serde::{Serialize, de::DeserializeOwned};

use super::{ending, foreign, may_start, refused};
use crate::{
    context::Context,
    refusal::error_message,
    written::{ABSENT, Written},
};

/// Why an object could not be applied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApplyError {
    /// The name is taken by an object with another owner.
    #[error("{kind} {name} exists and is not controlled by this SeiNode")]
    Foreign {
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
    },
    /// The name is still taken by an object that is being deleted.
    #[error("{kind} {name} is being deleted")]
    Ending {
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
    },
    /// The API server rejected the request.
    #[error("failed to write {kind} {name}: {}", error_message(source))]
    Api {
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
        /// The error.
        source: Box<kube::Error>,
    },
}

impl ApplyError {
    /// Why an object cannot be written if its name is taken by an object with this ownership. `None` if the SeiNode
    /// itself owns it.
    pub(super) fn taken(by: Ownership, kind: &str, name: &str) -> Option<Self> {
        let (kind, name) = (kind.to_owned(), name.to_owned());
        match by {
            Ownership::Own => None,
            Ownership::Ending => Some(Self::Ending { kind, name }),
            Ownership::Foreign => Some(Self::Foreign { kind, name }),
        }
    }
}

/// Attempts to read and apply an object that other clients write at the same time.
const ATTEMPTS: usize = 3;

/// Creates `object`, or changes it if `node` owns it. Forced apply would take over fields of an object that
/// another controller created, so every write has the resource version that it replaces: that in the cache,
/// or one that no object has. The object is read only if that is refused.
pub(crate) async fn apply<K>(
    ctx: &Context,
    node: &SeiNode,
    object: &K,
    cached: Option<&K>,
) -> Result<K, ApplyError>
where
    K: Written + Debug + Serialize + DeserializeOwned,
{
    let (kind, name) = (K::kind(&()).into_owned(), object.name_any());
    let failed =
        |source| ApplyError::Api { kind: kind.clone(), name: name.clone(), source: Box::new(source) };
    let api: Api<K> = Api::namespaced(ctx.client.clone(), names::namespace(node));
    let params = PatchParams::apply(labels::FIELD_MANAGER).force();
    let mut wanted = object.clone();
    let own = cached.filter(|cached| Ownership::of(*cached, node) == Ownership::Own);
    let mut version = own.and_then(ResourceExt::resource_version);
    let mut attempts = 1;
    loop {
        wanted.meta_mut().resource_version = version.or_else(|| Some(ABSENT.to_owned()));
        match api.patch(&name, &params, &Patch::Apply(&wanted)).await {
            Ok(live) => {
                ctx.memory(node, |memory| memory.writes.keep(live.clone()));
                return Ok(live);
            }
            Err(kube::Error::Api(status)) if status.is_conflict() && attempts < ATTEMPTS => attempts += 1,
            Err(error) => return Err(failed(error)),
        }
        let live = api.get_metadata_opt(&name).await.map_err(failed)?;
        let by = live.as_ref().map(|live| Ownership::of(live, node));
        if let Some(error) = by.and_then(|by| ApplyError::taken(by, &kind, &name)) {
            return Err(error);
        }
        version = live.and_then(|live| live.metadata.resource_version);
    }
}

/// The outcome of a task that applies an object.
pub(super) fn outcome<K>(applied: Result<K, ApplyError>) -> Outcome {
    applied.map_or_else(not_written, |_| Outcome::Done)
}

/// The outcome of a task whose object could not be written.
pub(super) fn not_written(error: ApplyError) -> Outcome {
    match error {
        ApplyError::Foreign { kind, name } => foreign(&kind, &name),
        ApplyError::Ending { kind, name } => ending(&kind, &name),
        ApplyError::Api { kind, name, source } => refused(&format!("write {kind} {name}"), &source),
    }
}

pub(super) async fn rbac_proxy_config(ctx: &Context, observed: &Observed, rendered: &Rendered) -> Outcome {
    let (node, cached) = (&*observed.node, observed.children.config_map.as_deref());
    match &rendered.rbac_proxy_config {
        Some(config) => outcome(apply(ctx, node, config, cached).await),
        None => Outcome::Done,
    }
}

/// A plan of the Go controller does not change a StatefulSet that already has the plan's image: so that taking over a
/// fleet restarts no pod, and other differences wait for the next update.
pub(super) async fn stateful_set(
    ctx: &Context,
    observed: &Observed,
    plan: &Plan<Persisted>,
    rendered: &Rendered,
) -> Outcome {
    let node = &*observed.node;
    let cached = observed.children.stateful_set.as_deref();
    let live = cached.filter(|live| is_owned_by(*live, node));
    if plan.is_adopted() && live.and_then(seid_image) == Some(node.spec.image.as_str()) {
        return Outcome::Done;
    }
    if observed.children.pod.is_none()
        && let Err(outcome) = may_start(ctx, node).await
    {
        return outcome;
    }
    outcome(apply(ctx, node, &rendered.stateful_set, cached).await)
}

pub(super) async fn service(ctx: &Context, observed: &Observed, rendered: &Rendered) -> Outcome {
    let (node, cached) = (&*observed.node, observed.children.service.as_deref());
    outcome(apply(ctx, node, &rendered.service, cached).await)
}

pub(super) async fn bootstrap_service(ctx: &Context, observed: &Observed, rendered: &Rendered) -> Outcome {
    let (node, cached) = (&*observed.node, observed.children.service.as_deref());
    match &rendered.bootstrap_service {
        Some(service) => outcome(apply(ctx, node, service, cached).await),
        None => Outcome::Done,
    }
}

#[cfg(test)]
mod tests {
    use sei_api::conditions::ReadyReason;

    use super::*;

    #[test]
    fn an_object_with_the_name_is_waited_for_while_terminating_and_otherwise_fails_the_plan() {
        let outcome = |by| ApplyError::taken(by, "Service", "rpc-0").map(not_written);
        assert_eq!(outcome(Ownership::Own), None);
        let ending = outcome(Ownership::Ending);
        assert!(
            matches!(&ending, Some(Outcome::Waiting { reason: ReadyReason::WaitingForDeletion, detail })
                if detail.starts_with("Service rpc-0 is being deleted")),
            "{ending:?}"
        );
        let foreign = outcome(Ownership::Foreign);
        assert!(
            matches!(&foreign, Some(Outcome::Rejected { error })
                if error.starts_with("Service rpc-0 exists and is not controlled by this SeiNode")),
            "{foreign:?}"
        );
    }
}
