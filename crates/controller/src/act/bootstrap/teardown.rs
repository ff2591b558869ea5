//! The end of a bootstrap: its Job, Service and pod are deleted before the production pod starts.

use std::fmt::Debug;

use k8s_openapi::api::{batch::v1::Job, core::v1::Service};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, Preconditions, PropagationPolicy},
    core::NamespaceResourceScope,
};
use sei_api::{SeiNode, labels, names};
use sei_decide::{Observed, Ownership};
use sei_plan::{Outcome, Persisted, Plan, TaskKind};
use serde::de::DeserializeOwned;

use super::{
    super::{foreign, refused, volume},
    pods, waiting,
};
use crate::context::Context;

/// Marks the volume as bootstrapped, deletes Job and Service, and is complete when they and the pod are gone: the
/// production pod takes over their volume and name. The mark comes first, so that losing the Job afterwards does no
/// harm.
pub(in super::super) async fn teardown(
    ctx: &Context,
    observed: &Observed,
    plan: &Plan<Persisted>,
) -> Outcome {
    let node = &*observed.node;
    if let Err(outcome) = volume::check_kept(ctx, node).await {
        return outcome;
    }
    if plan.is_done(TaskKind::AwaitBootstrapComplete)
        && let Some(claim) = observed.claim.as_ref().filter(|claim| !claim.has_state)
        && let Err(error) = volume::mark_initialized(ctx, node, claim).await
    {
        return refused(&format!("annotate claim {}", claim.name), &error);
    }
    let namespace = names::namespace(node);
    let jobs: Api<Job> = Api::namespaced(ctx.client.clone(), namespace);
    let services: Api<Service> = Api::namespaced(ctx.client.clone(), namespace);
    let (job, service) = (names::bootstrap_job(node), names::stateful_set(node));
    for left in
        [remove(&jobs, node, &job, |_| true).await, remove(&services, node, &service, is_bootstrap).await]
    {
        match left {
            Ok(false) => {}
            Ok(true) => return waiting("its Job and Service are terminating"),
            Err(outcome) => return outcome,
        }
    }
    match pods(ctx, node).await {
        Ok(pods) if pods.is_empty() => Outcome::Done,
        Ok(_) => waiting("its pod is terminating"),
        Err(outcome) => outcome,
    }
}

/// Deletes one object of the bootstrap; returns whether it still exists.
async fn remove<K>(
    api: &Api<K>,
    node: &SeiNode,
    name: &str,
    of_bootstrap: impl Fn(&K) -> bool,
) -> Result<bool, Outcome>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let kind = K::kind(&());
    let live = api.get_opt(name).await.map_err(|error| refused(&format!("read {kind} {name}"), &error))?;
    let Some(live) = live.filter(of_bootstrap) else { return Ok(false) };
    match Ownership::of(&live, node) {
        Ownership::Foreign => return Err(foreign(&kind, name)),
        Ownership::Ending => {}
        Ownership::Own => {
            delete(api, &live).await.map_err(|error| refused(&format!("delete {kind} {name}"), &error))?;
        }
    }
    Ok(true)
}

/// Deletes exactly this object, and what it owns first.
pub(super) async fn delete<K: Resource + Clone + Debug + DeserializeOwned>(
    api: &Api<K>,
    object: &K,
) -> Result<(), kube::Error> {
    let same = Preconditions { uid: object.uid(), resource_version: None };
    let params = DeleteParams {
        propagation_policy: Some(PropagationPolicy::Foreground),
        preconditions: Some(same),
        ..Default::default()
    };
    match api.delete(&object.name_any(), &params).await {
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(()),
        other => other.map(drop),
    }
}

/// The Service of the bootstrap has the same name as the production one.
fn is_bootstrap(service: &Service) -> bool {
    service.labels().get(labels::COMPONENT).is_some_and(|value| value == labels::COMPONENT_BOOTSTRAP)
}
