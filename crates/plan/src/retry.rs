//! When a failed plan is retried.

use sei_api::{
    SeiNode,
    labels::retry_request,
    v1alpha1::{FailureCause, PlanPhase, TaskPlan},
};

use crate::{TaskKind, stored::writes_peers};

/// Whether the spec changed since `plan` was created. Plans of the Go controller do not record what they were created
/// from and are treated as current.
pub fn is_outdated(plan: &TaskPlan, node: &SeiNode) -> bool {
    plan.generation.is_some() && plan.generation != node.metadata.generation
}

/// Whether a failed plan must be retried: the spec changed, or annotation `sei.io/retry` has a new value.
pub fn retry_wanted(plan: &TaskPlan, node: &SeiNode) -> bool {
    let is_wanted = is_outdated(plan, node) || retry_requested(plan, node) || needs_no_discovery(plan);
    plan.phase == PlanPhase::Failed && is_wanted
}

/// Whether `plan` failed because the sidecar does not support `discover-peers`, which a new plan does not
/// need.
fn needs_no_discovery(plan: &TaskPlan) -> bool {
    let detail = plan.failed_task_detail.as_ref();
    let is_unknown = detail.is_some_and(|detail| {
        detail.cause == Some(FailureCause::TaskUnknown) && detail.type_ == TaskKind::DiscoverPeers.as_str()
    });
    is_unknown && !writes_peers(plan)
}

/// Whether annotation `sei.io/retry` has another value than when `plan` was created.
fn retry_requested(plan: &TaskPlan, node: &SeiNode) -> bool {
    let asked = retry_request(node);
    asked.is_some() && asked != plan.retry.as_deref()
}
