//! The one-shot bootstrap Job and the Service that gives it the node's DNS name.

mod teardown;

use k8s_openapi::api::{apps::v1::StatefulSet, batch::v1::Job, core::v1::Pod};
use kube::{
    Api, ResourceExt,
    api::{ListParams, PostParams},
};
use sei_api::{SeiNode, conditions::ReadyReason, labels, names};
use sei_decide::{
    Health, Observed, Ownership,
    bootstrap::is_usable,
    objects::{JobState, has_ended, job_state},
};
use sei_plan::{Outcome, Persisted, Plan, TaskKind};
use sei_render::Rendered;

use super::{
    apply::{self, ApplyError},
    ending, may_start, refused, rollout, volume,
};
use crate::{context::Context, trim};

use teardown::delete;
pub(super) use teardown::teardown;

/// Creates the Job. A Job of this SeiNode that failed, was created from another spec, or completed on another
/// volume is replaced.
pub(super) async fn deploy_job(
    ctx: &Context,
    node: &SeiNode,
    plan: &Plan<Persisted>,
    rendered: &Rendered,
) -> Outcome {
    let Some(wanted) = &rendered.bootstrap_job else { return Outcome::Done };
    let name = names::bootstrap_job(node);
    let api: Api<Job> = Api::namespaced(ctx.client.clone(), names::namespace(node));
    let live = match api.get_opt(&name).await {
        Ok(live) => live,
        Err(error) => return refused(&format!("read Job {name}"), &error),
    };
    let Some(live) = live else {
        if let Err(outcome) = may_start(ctx, node).await {
            return outcome;
        }
        if let Err(outcome) = scale_down(ctx, node, rendered).await {
            return outcome;
        }
        // A Job deleted by another client disappears before its pod does; two pods would then use the volume.
        match pods(ctx, node).await {
            Ok(pods) if pods.iter().all(has_ended) => {}
            Ok(_) => return waiting("the pod of an earlier Job is terminating"),
            Err(outcome) => return outcome,
        }
        let params =
            PostParams { field_manager: Some(labels::FIELD_MANAGER.to_owned()), ..Default::default() };
        return match api.create(&params, wanted).await {
            Ok(created) => done_on(&created),
            Err(kube::Error::Api(status)) if status.is_already_exists() => {
                waiting("another client has just created the Job")
            }
            Err(error) => refused(&format!("create Job {name}"), &error),
        };
    };
    if let Some(error) = ApplyError::taken(Ownership::of(&live, node), "Job", &name) {
        return apply::not_written(error);
    }
    if is_usable(&live, wanted, plan) {
        return done_on(&live);
    }
    if let Err(outcome) = volume::check_kept(ctx, node).await {
        return outcome;
    }
    match delete(&api, &live).await {
        Ok(()) => ending("Job", &name),
        Err(error) => refused(&format!("delete Job {name}"), &error),
    }
}

/// Scales an existing StatefulSet to zero, for example on a volume that replaced a lost one: its pod and that of the
/// Job would have the same name and use the same volume.
///
/// # Errors
/// The outcome of a step that must not create the Job yet.
async fn scale_down(ctx: &Context, node: &SeiNode, rendered: &Rendered) -> Result<(), Outcome> {
    let (stateful_set, pods) = rollout::read(ctx, node).await?;
    let Some(stateful_set) = stateful_set else { return Ok(()) };
    if stateful_set.spec.as_ref().and_then(|spec| spec.replicas) != Some(0) {
        let mut scaled = rendered.stateful_set.clone();
        scaled.spec.get_or_insert_default().replicas = Some(0);
        match apply::outcome(apply::apply(ctx, node, &scaled, Some(&stateful_set)).await) {
            Outcome::Done => {}
            refused => return Err(refused),
        }
    }
    match pods.iter().any(|pod| is_owned(pod, &stateful_set)) {
        true => Err(waiting("the pod of the StatefulSet is terminating")),
        false => Ok(()),
    }
}

/// Whether `pod` belongs to `stateful_set`.
fn is_owned(pod: &Pod, stateful_set: &StatefulSet) -> bool {
    pod.owner_references().iter().any(|owner| Some(&owner.uid) == stateful_set.metadata.uid.as_ref())
}

/// Checks the state of the Job: its events requeue the node.
pub(super) async fn await_complete(ctx: &Context, observed: &Observed, plan: &Plan<Persisted>) -> Outcome {
    match observed.job_of(plan).map(job_state) {
        Some(JobState::Complete) => Outcome::Done,
        Some(JobState::Failed(error)) => Outcome::Rejected { error },
        // The sidecar restarted, perhaps before seid read that it may start.
        Some(JobState::Running) if observed.sidecar.reports(Health::NotReady) => Outcome::Reissue,
        Some(JobState::Running) => waiting("seid is running up to the target height"),
        None => lost(ctx, observed, plan).await,
    }
}

/// The cache does not have the Job that `plan` created. Only the API server can confirm that it is lost: the
/// cache may not have it yet, or still have the one before it.
pub(super) async fn lost(ctx: &Context, observed: &Observed, plan: &Plan<Persisted>) -> Outcome {
    let (node, name) = (&observed.node, names::bootstrap_job(&observed.node));
    let api: Api<Job> = Api::namespaced(ctx.client.clone(), names::namespace(node));
    let live = match api.get_opt(&name).await {
        Ok(live) => live,
        Err(error) => return refused(&format!("read Job {name}"), &error),
    };
    let known = plan.object_of(TaskKind::DeployBootstrapJob);
    let mut live = live.filter(|job| known.is_none_or(|uid| job.uid().as_deref() == Some(uid)));
    live.iter_mut().for_each(trim::job);
    match live.as_ref().map(job_state) {
        None => Outcome::JobLost,
        Some(JobState::Failed(error)) => Outcome::Rejected { error },
        Some(_) => waiting("the Job has just been created"),
    }
}

fn done_on(job: &Job) -> Outcome {
    job.uid().map_or(Outcome::Done, |uid| Outcome::DoneOn { uid })
}

/// The pods of bootstrap Jobs of `node`, read from the API server.
async fn pods(ctx: &Context, node: &SeiNode) -> Result<Vec<Pod>, Outcome> {
    let api: Api<Pod> = Api::namespaced(ctx.client.clone(), names::namespace(node));
    let labels = labels::bootstrap(node);
    let selector: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let listed = api.list(&ListParams::default().labels(&selector.join(","))).await;
    listed.map(|list| list.items).map_err(|error| refused("list the bootstrap pods", &error))
}

fn waiting(why: &str) -> Outcome {
    Outcome::Waiting { reason: ReadyReason::WaitingForBootstrap, detail: format!("bootstrap: {why}") }
}

#[cfg(test)]
mod tests;
