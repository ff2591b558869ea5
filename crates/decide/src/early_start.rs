//! A seid that started before the first plan had written its configuration.

use sei_api::v1alpha1::{PlannedTask, TaskPlan, TaskStatus};
use sei_plan::{OfKind, Purpose, TaskKind};

use crate::{
    observed::Observed,
    sidecar::{Health, TaskProgress},
};

/// Whether the sidecar is ready although the first plan `plan` has yet to submit its `mark-ready`. A sidecar that ended
/// while it ran that of an earlier plan runs it again when it starts, so seid may have read the earlier configuration; the
/// volume, with the records of the sidecar, may come from another SeiNode.
pub(crate) fn is_ready_early(observed: &Observed, plan: &TaskPlan) -> bool {
    let mut left = plan.tasks.iter().filter(is_left);
    Purpose::of(plan) == Purpose::Init
        && left.next().is_some_and(|task| task.is(TaskKind::MarkReady))
        // The pod of a bootstrap Job ends with the Job.
        && !left.any(|task| task.is(TaskKind::AwaitBootstrapComplete))
        && observed.sidecar.reports(Health::Ready)
        && !has_adopted_pod(observed)
}

/// Whether that is certain: the sidecar does not know the `mark-ready` of `plan`.
pub(crate) fn has_started_early(observed: &Observed, plan: &TaskPlan) -> bool {
    let progress = |task: &PlannedTask| observed.sidecar.progress(&task.id, task.retry_count.unwrap_or(0));
    let current = plan.tasks.iter().find(is_left);
    current.and_then(progress) == Some(&TaskProgress::Unknown) && is_ready_early(observed, plan)
}

fn is_left(task: &&PlannedTask) -> bool {
    task.status != TaskStatus::Complete
}

/// Whether the pod is older than its SeiNode, which was recreated: an adopted pod keeps running.
fn has_adopted_pod(observed: &Observed) -> bool {
    let pod = observed.children.pod.as_ref().and_then(|pod| pod.metadata.creation_timestamp.as_ref());
    pod.is_some_and(|pod| Some(pod.0) < observed.node.metadata.creation_timestamp.as_ref().map(|time| time.0))
}
