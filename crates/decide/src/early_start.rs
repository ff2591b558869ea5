//! Whether seid started before the first plan had written its configuration.

use sei_api::v1alpha1::{PlanPhase, PlannedTask, TaskPlan, TaskStatus};
use sei_plan::{OfKind, Purpose, TaskKind};

use crate::{
    observed::Observed,
    sidecar::{Health, TaskProgress},
};

/// Whether the sidecar is ready although the first plan `plan` has yet to submit its `mark-ready`. A sidecar that
/// terminated during the `mark-ready` of an earlier plan repeats it when it starts, so seid may have read the earlier
/// configuration; the volume, with the records of the sidecar, may come from another SeiNode.
pub(crate) fn is_ready_early(observed: &Observed, plan: &TaskPlan) -> bool {
    let mut left = plan.tasks.iter().filter(is_incomplete);
    Purpose::of(plan) == Purpose::Init
        && left.next().is_some_and(|task| task.is(TaskKind::MarkReady))
        // The pod of a bootstrap Job ends with the Job.
        && !left.any(|task| task.is(TaskKind::AwaitBootstrapComplete))
        && observed.sidecar.reports(Health::Ready)
        && !has_adopted_pod(observed)
}

/// Whether that is certain: the sidecar does not know the `mark-ready` of `plan`.
pub(crate) fn has_started_early(observed: &Observed, plan: &TaskPlan) -> bool {
    let current = plan.tasks.iter().find(is_incomplete);
    let progress = current.and_then(|task| observed.sidecar.progress_of(task));
    progress == Some(&TaskProgress::Unknown) && is_ready_early(observed, plan)
}

/// Whether seid may have started, or may yet start, with the configuration of the first plan `plan` although it is not
/// complete. Its recorded progress may lag behind, and a sidecar that terminated while running `mark-ready` runs it
/// again when it starts. seid has certainly not started if the plan failed earlier, or if the sidecar is known to be
/// running an earlier task.
pub(crate) fn lets_start(observed: &Observed, plan: &TaskPlan) -> bool {
    if Purpose::of(plan) != Purpose::Init {
        return false;
    }
    let place = |kind| plan.tasks.iter().rposition(|task| task.is(kind));
    if place(TaskKind::ReplacePod) > place(TaskKind::ConfigValidate) {
        // Nor was that certain when this plan replaced an earlier one.
        return true;
    }
    let progress = |task: &PlannedTask| observed.sidecar.progress_of(task);
    let is_current = |task: &PlannedTask| match plan.phase {
        PlanPhase::Failed => is_incomplete(&task),
        _ => progress(task).is_some_and(|progress| *progress != TaskProgress::Completed),
    };
    let Some(current) = plan.tasks.iter().position(is_current) else { return true };
    let is_submitted = |task: &PlannedTask| progress(task) != Some(&TaskProgress::Unknown);
    let (earlier, task) = (&plan.tasks[..current], &plan.tasks[current]);
    earlier.iter().any(|task| task.is(TaskKind::MarkReady))
        || (task.is(TaskKind::MarkReady) && is_submitted(task))
}

fn is_incomplete(task: &&PlannedTask) -> bool {
    task.status != TaskStatus::Complete
}

/// Whether the pod is older than its SeiNode, which was recreated: an adopted pod keeps running.
fn has_adopted_pod(observed: &Observed) -> bool {
    let pod = observed.children.pod.as_ref().and_then(|pod| pod.metadata.creation_timestamp.as_ref());
    pod.is_some_and(|pod| Some(pod.0) < observed.node.metadata.creation_timestamp.as_ref().map(|time| time.0))
}
