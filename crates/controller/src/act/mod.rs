//! One step of one task: all effects of a plan, one file per kind of task. The outcome is evaluated elsewhere.

mod apply;
mod bootstrap;
mod ceremony;
mod rollout;
mod sidecar;
mod volume;

use sei_api::{SeiNode, conditions::ReadyReason, v1alpha1::PlannedTask};
use sei_decide::{Finding, Observed};
use sei_plan::{Outcome, Persisted, Plan, Task, TaskError};
use sei_render::{RenderError, Rendering};

pub(crate) use apply::{ApplyError, apply};
pub(crate) use volume::{apply_retention, delete_own_claim, mark_initialized};

use crate::{
    context::Context,
    refusal::{error_message, is_final},
};

/// Takes one step of `planned`, the current task of `plan`. It writes the objects of `rendering`.
pub(crate) async fn step(
    ctx: &Context,
    observed: &Observed,
    plan: &Plan<Persisted>,
    planned: &PlannedTask,
    rendering: &Rendering<'_>,
) -> Outcome {
    match take_step(ctx, observed, plan, planned, rendering).await {
        Ok(outcome) => outcome,
        Err(error) => Outcome::Rejected { error },
    }
}

/// # Errors
/// Why no attempt can succeed.
async fn take_step(
    ctx: &Context,
    observed: &Observed,
    plan: &Plan<Persisted>,
    planned: &PlannedTask,
    rendering: &Rendering<'_>,
) -> Result<Outcome, String> {
    let node = &observed.node;
    let task = match Task::read(planned) {
        // A later version of the Go controller has more tasks; a plan of this operator does their work.
        Err(TaskError::UnknownType(_)) if plan.is_adopted() => return Ok(Outcome::Reissue),
        read => read.map_err(|error| error.to_string())?,
    };
    let rendered = || rendering.objects().map_err(RenderError::to_string);
    Ok(match task {
        Task::EnsureDataPvc => volume::ensure(ctx, observed, rendered()?).await,
        Task::ValidateSigningKey { .. } => checked(observed.keys.signing.as_ref()),
        Task::ValidateNodeKey { .. } => checked(observed.keys.node.as_ref()),
        Task::ValidateOperatorKeyring { .. } => checked(observed.keys.keyring.as_ref()),
        Task::ApplyRbacProxyConfig => apply::rbac_proxy_config(ctx, observed, rendered()?).await,
        Task::ApplyStatefulSet => apply::stateful_set(ctx, observed, plan, rendered()?).await,
        Task::ApplyService => apply::service(ctx, observed, rendered()?).await,
        Task::ReplacePod { also } => {
            rollout::replace_pod(ctx, node, plan.outdated_pod(also.as_deref())).await
        }
        Task::ObserveImage => rollout::observe_image(ctx, node).await,
        Task::DeployBootstrapService => apply::bootstrap_service(ctx, observed, rendered()?).await,
        Task::DeployBootstrapJob => bootstrap::deploy_job(ctx, node, plan, rendered()?).await,
        Task::AwaitBootstrapComplete => bootstrap::await_complete(ctx, observed, plan).await,
        Task::TeardownBootstrap => bootstrap::teardown(ctx, observed, plan).await,
        Task::Sidecar(task) => sidecar::step(ctx, observed, plan, planned, &task).await,
    })
}

/// The keys of a validator are checked in every pass; a task of a plan only reads the result.
fn checked(finding: Option<&Finding>) -> Outcome {
    match finding {
        // The spec no longer names the Secret: nothing to check.
        None | Some(Finding::Good(_)) => Outcome::Done,
        Some(Finding::NotYet(why) | Finding::Unread(why)) => {
            Outcome::Waiting { reason: ReadyReason::WaitingForKeys, detail: why.clone() }
        }
        Some(Finding::Bad(why)) => Outcome::Rejected { error: why.clone() },
    }
}

/// Whether a pod of `node` may be created now: according to the API server, nothing else uses its key or volume.
///
/// # Errors
/// The outcome of a step that must not create it yet.
async fn may_start(ctx: &Context, node: &SeiNode) -> Result<(), Outcome> {
    let found = ctx.exclusives.live(&ctx.client, node).await;
    let found = found.map_err(|error| refused("list the users of the node's key and volume", &error))?;
    match found.rival {
        None => Ok(()),
        Some(rival) => {
            Err(Outcome::Waiting { reason: ReadyReason::WaitingForRelease, detail: rival.message })
        }
    }
}

/// The API server rejected a request of step `doing`: an invalid object of the operator makes the plan fail,
/// anything else is retried.
fn refused(doing: &str, error: &kube::Error) -> Outcome {
    let text = format!("failed to {doing}: {}", error_message(error));
    match is_final(error) {
        true => Outcome::Rejected { error: text },
        false => Outcome::Waiting { reason: ReadyReason::WriteRefused, detail: text },
    }
}

/// The name that an object needs is taken by one that is being deleted.
fn ending(kind: &str, name: &str) -> Outcome {
    Outcome::Waiting {
        reason: ReadyReason::WaitingForDeletion,
        detail: format!("{kind} {name} is being deleted; waiting for it to be gone before recreating it"),
    }
}

/// The name that an object needs is taken by one that is not being deleted.
fn foreign(kind: &str, name: &str) -> Outcome {
    Outcome::Rejected {
        error: format!(
            "{kind} {name} exists and is not controlled by this SeiNode: delete it, or give the SeiNode another name"
        ),
    }
}
