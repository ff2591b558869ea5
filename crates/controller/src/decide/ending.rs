//! What the status becomes when a plan ends or another one takes its place.

use sei_api::{
    SeiNodeStatus,
    conditions::{self, ConditionType, Reason, Statement},
    v1alpha1::{PlanPhase, TaskPlan},
};
use sei_plan::{Persisted, Plan, TaskKind, is_outdated, reissue, replan};

use super::{begin, facts, is_update, set_phase};
use crate::observe::{Observed, seid_image};

/// What takes the place of `plan`, whose current task cannot be done in it.
pub(crate) fn begin_again(
    observed: &Observed,
    status: &mut SeiNodeStatus,
    mut plan: Plan<Persisted>,
    plan_id: &str,
) {
    let node = &*observed.node;
    let current = plan.current().and_then(|(_, task)| TaskKind::from_wire(&task.type_));
    let Some(current) = current else { return };
    let fresh = if is_outdated(plan.stored(), node) {
        replan(node, plan.stored(), plan_id)
    } else if plan.ahead(TaskKind::AwaitBootstrapComplete) && observed.children.job.is_none() {
        // What the lost Job's sidecar had under way, the next one goes on with: it is noted on the volume.
        plan.repeat(&[TaskKind::DeployBootstrapService, TaskKind::DeployBootstrapJob]);
        status.plan = Some(plan.into_stored());
        return;
    } else {
        // The pod of a Job that is made again waits for mark-ready.
        let from = if current == TaskKind::AwaitBootstrapComplete { TaskKind::MarkReady } else { current };
        reissue(node, plan.stored(), plan_id, from)
    };
    match fresh {
        Some(fresh) => {
            let fresh = Plan::propose(fresh, node, observed.now);
            begin(status, fresh.stored(), node, observed.now);
            status.plan = Some(fresh.into_stored());
        }
        None => drop_update(observed, status),
    }
}

/// An update that was taken back before it touched anything.
pub(super) fn drop_update(observed: &Observed, status: &mut SeiNodeStatus) {
    status.plan = None;
    say_update(status, false, Reason::UpdateComplete, "the update was taken back".to_owned(), observed);
}

/// Takes what running a plan came to into the status.
pub(crate) fn settle(observed: &Observed, status: &mut SeiNodeStatus, plan: TaskPlan) {
    let node = &*observed.node;
    match plan.phase {
        PlanPhase::Active => {}
        PlanPhase::Complete => {
            if let Some(phase) = plan.target_phase {
                set_phase(status, phase, observed.now);
            }
            if plan.tasks.iter().any(|task| task.type_ == TaskKind::ApplyStatefulSet.as_str()) {
                // Plans of the Go controller do not say which image they were for; the StatefulSet does.
                let applied = observed.children.stateful_set.as_deref().and_then(seid_image);
                status.current_image = plan
                    .target_image
                    .clone()
                    .or_else(|| applied.map(str::to_owned))
                    .or(Some(node.spec.image.clone()));
            }
            if is_update(&plan) {
                let message = format!("plan {} is complete", plan.id);
                say_update(status, false, Reason::UpdateComplete, message, observed);
            }
            facts::say_tasks_known(status, observed);
        }
        PlanPhase::Failed => {
            if let Some(phase) = plan.failed_phase {
                set_phase(status, phase, observed.now);
            }
            let detail = plan.failed_task_detail.as_ref();
            if is_update(&plan) {
                let why =
                    detail.map_or_else(String::new, |detail| format!(": {}: {}", detail.type_, detail.error));
                say_update(
                    status,
                    false,
                    Reason::UpdateFailed,
                    format!("plan {} failed{why}", plan.id),
                    observed,
                );
            }
            if let Some(detail) = detail.filter(|detail| detail.error.contains("unknown task type: ")) {
                facts::say_task_unknown(status, observed, &detail.type_);
            }
        }
    }
    status.plan = Some(plan);
}

fn say_update(status: &mut SeiNodeStatus, truth: bool, reason: Reason, message: String, observed: &Observed) {
    let statement = Statement::new(ConditionType::NodeUpdateInProgress, truth, reason, message);
    conditions::set(&mut status.conditions, statement, observed.node.metadata.generation, observed.now);
}
