//! Tasks that the sidecar runs: requested from its actor, which submits only tasks that the sidecar does not know and
//! deliberate retries of failed attempts. It queries a task first, unless this process has made the plan.

use sei_api::v1alpha1::PlannedTask;
use sei_decide::{Observed, SidecarStep, sidecar_step};
use sei_plan::{Outcome, Persisted, Plan, SidecarTask, task_id_of};
use sei_sidecar::TaskRequest;
use serde_json::Value;
use uuid::Uuid;

use super::{bootstrap, ceremony};
use crate::{context::Context, sidecar::Order};

pub(super) async fn step(
    ctx: &Context,
    observed: &Observed,
    plan: &Plan<Persisted>,
    planned: &PlannedTask,
    task: &SidecarTask,
) -> Outcome {
    let Ok(id) = Uuid::parse_str(&planned.id) else {
        return Outcome::Rejected { error: format!("task id {:?} is not a UUID", planned.id) };
    };
    let order = |request: Option<Option<Value>>| {
        let request = request.map(|params| TaskRequest { id, type_: planned.type_.clone(), params });
        let retries = planned.retry_count.unwrap_or(0);
        let was_submitted = planned.submitted_at.is_some();
        let is_first = retries == 0 && !was_submitted && request.is_some();
        let order = Order {
            id,
            retries,
            was_submitted,
            is_new: is_first && is_made_here(ctx, observed, plan, id),
            marks_ready: *task == SidecarTask::MarkReady,
            once: false,
            needs_type: None,
            request,
        };
        ctx.memory(&observed.node, |memory| memory.sidecar.as_mut().map(|sidecar| sidecar.order(order)));
    };
    match sidecar_step(observed, plan, planned, task, ceremony::has_needs(ctx, observed, task)) {
        SidecarStep::Ended(Outcome::JobLost) => bootstrap::lost(ctx, observed, plan).await,
        SidecarStep::Ended(outcome) => outcome,
        SidecarStep::Completed => {
            ceremony::after(ctx, observed, planned, task).await.unwrap_or(Outcome::Done)
        }
        SidecarStep::Failed(error) => {
            Outcome::AttemptFailed { error: ceremony::explain(ctx, observed, task, error).await }
        }
        SidecarStep::Query(meanwhile) => {
            order(None);
            meanwhile
        }
        SidecarStep::Submit { params, meanwhile } => {
            if meanwhile == Outcome::Requested
                && let Some(waiting) = ceremony::before(ctx, observed, planned, task).await
            {
                order(None);
                return waiting;
            }
            order(Some(params));
            meanwhile
        }
    }
}

/// Whether this process has made the plan and the ID of its current task, which may also be that of an earlier plan.
fn is_made_here(ctx: &Context, observed: &Observed, plan: &Plan<Persisted>, id: Uuid) -> bool {
    let plan_id = &plan.stored().id;
    let is_own = plan.current().is_some_and(|(index, task)| task_id_of(plan_id, &task.type_, index) == id);
    is_own && ctx.memory(&observed.node, |memory| memory.plan_made.as_ref() == Some(plan_id))
}
