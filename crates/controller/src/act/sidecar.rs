//! Tasks that the sidecar runs: requested from its actor, which queries each task first and submits only unknown tasks
//! and deliberate retries of failed attempts.

use sei_api::v1alpha1::PlannedTask;
use sei_decide::{Observed, SidecarStep, sidecar_step};
use sei_plan::{Outcome, Persisted, Plan, SidecarTask};
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
        let order = Order {
            id,
            retries: planned.retry_count.unwrap_or(0),
            was_submitted: planned.submitted_at.is_some(),
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
