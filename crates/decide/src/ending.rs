//! Changes of the status when a plan starts or ends.

use std::collections::BTreeSet;

use sei_api::{
    SeiNodeStatus,
    conditions::{Statement, UpdateReason},
    v1alpha1::{FailedUpdate, FailureCause, NodePhase, PlanPhase, PlannedTask, TaskPlan, TaskStatus},
};
use sei_node::Node;
use sei_plan::{OfKind, Plan, PlanInputs, Purpose, TaskKind, configured_by, overridden, overridden_by};

use crate::{
    condition::set_condition, objects::seid_image, observed::Observed, phase::set_phase, sidecar_conditions,
    sidecar_images,
};

/// Records a new plan in the status. It must be stored before any of its tasks runs.
pub(crate) fn begin(observed: &Observed, status: &mut SeiNodeStatus, plan: TaskPlan, inputs: &PlanInputs) {
    let node = &*observed.node;
    let plan = Plan::propose(plan, node, inputs, observed.now).into_stored();
    sidecar_conditions::forget_unknown_task(status, observed);
    if plan.failed_phase.is_some() {
        status.configured = None;
        set_phase(status, NodePhase::Initializing, observed.now);
    }
    if Purpose::of(&plan) == Purpose::Update {
        let (current, image) = (status.current_image.as_deref().unwrap_or("unknown"), &node.spec.image);
        let message = match current == image {
            true => format!("configuration and pod; image {image} is unchanged"),
            false => format!("from {current} to {image}"),
        };
        report_update(status, true, UpdateReason::Started, message, observed);
        status.failed_update = None;
    }
    status.plan = Some(plan);
}

/// Drops an update that was reverted before it changed anything.
pub(crate) fn drop_update(observed: &Observed, status: &mut SeiNodeStatus) {
    status.plan = None;
    report_update(status, false, UpdateReason::Complete, "the update was reverted".to_owned(), observed);
}

/// Records the result of running a plan in the status.
pub(crate) fn record(observed: &Observed, node: &Node<'_>, status: &mut SeiNodeStatus, mut plan: TaskPlan) {
    match plan.phase {
        PlanPhase::Active | PlanPhase::Unknown => {}
        PlanPhase::Complete => {
            if let Some(phase) = plan.target_phase {
                set_phase(status, phase, observed.now);
            }
            if plan.tasks.iter().any(|task| task.is(TaskKind::ApplyStatefulSet)) {
                // Plans of the Go controller do not record their image; the StatefulSet has it.
                let applied = observed.children.stateful_set.as_deref().and_then(seid_image);
                status.current_image = plan
                    .target_image
                    .clone()
                    .or_else(|| applied.map(str::to_owned))
                    .or(Some(node.object.spec.image.clone()));
            }
            if let Some(configured) = configured_by(&plan, node) {
                status.configured = Some(configured);
            }
            if Purpose::of(&plan) == Purpose::Update {
                let message = format!("plan {} is complete", plan.id);
                report_update(status, false, UpdateReason::Complete, message, observed);
            }
            if status.phase == Some(NodePhase::Running) {
                sidecar_conditions::report_health(status, observed);
                sidecar_images::record(observed, status);
                record_claim(observed, status);
            }
        }
        PlanPhase::Failed => {
            if let Some(phase) = plan.failed_phase {
                set_phase(status, phase, observed.now);
            }
            if let Some(detail) = &mut plan.failed_task_detail {
                detail.object_uid = failed_on(observed, &plan.tasks);
            }
            let detail = plan.failed_task_detail.as_ref();
            if Purpose::of(&plan) == Purpose::Update {
                let why =
                    detail.map_or_else(String::new, |detail| format!(": {}: {}", detail.type_, detail.error));
                let message = format!("plan {} failed{why}", plan.id);
                report_update(status, false, UpdateReason::Failed, message, observed);
                status.failed_update = failed_update(&plan);
            }
            if let Some(detail) = detail.filter(|detail| detail.cause == Some(FailureCause::TaskUnknown)) {
                sidecar_conditions::report_unknown_task(status, observed, &detail.type_);
            }
        }
    }
    status.plan = Some(plan);
    // Together with the phase: the next pass would have to write the status again.
    record_overrides(node, status);
}

/// Records that the data of a Running node is on this claim.
pub(crate) fn record_claim(observed: &Observed, status: &mut SeiNodeStatus) {
    if status.phase == Some(NodePhase::Running)
        && let Some(claim) = &observed.claim
    {
        status.data_claim_uid = Some(claim.uid.clone());
    }
}

/// Records the keys that plans have overridden. A Running node without a record is assumed to override those of its spec.
pub(crate) fn record_overrides(node: &Node<'_>, status: &mut SeiNodeStatus) {
    let recorded = status.overridden_keys.take().map(BTreeSet::from_iter);
    let running = status.phase == Some(NodePhase::Running);
    if let Some(were) = recorded.or_else(|| running.then(|| overridden(node))) {
        let keys = match &status.plan {
            Some(plan) => overridden_by(plan, were),
            None => were,
        };
        status.overridden_keys = Some(keys.into_iter().collect());
    }
}

/// The record of a failed update, which outlasts the plan.
pub(crate) fn failed_update(plan: &TaskPlan) -> Option<FailedUpdate> {
    let detail = plan.failed_task_detail.as_ref()?;
    Some(FailedUpdate {
        image: plan.target_image.clone()?,
        generation: plan.generation,
        retry: plan.retry.clone(),
        task: detail.type_.clone(),
        error: detail.error.clone(),
    })
}

/// UID of the bootstrap Job or the pod that a task failed on.
fn failed_on(observed: &Observed, tasks: &[PlannedTask]) -> Option<String> {
    let children = &observed.children;
    let in_bootstrap = tasks
        .iter()
        .any(|task| task.is(TaskKind::AwaitBootstrapComplete) && task.status != TaskStatus::Complete);
    match in_bootstrap {
        true => children.job.as_ref()?.metadata.uid.clone(),
        false => children.pod.as_ref()?.metadata.uid.clone(),
    }
}

fn report_update(
    status: &mut SeiNodeStatus,
    truth: bool,
    reason: UpdateReason,
    message: String,
    observed: &Observed,
) {
    let statement = Statement::new(truth, reason, message);
    set_condition(observed, status, statement);
}
