//! Reads and changes of a stored plan, whether or not it may run.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use sei_api::v1alpha1::{PlannedTask, TaskPlan, TaskStatus};

use crate::{OfKind, PlanInputs, TaskKind, backoff::retry_delay, id::upload_id};

/// Whether a task of kind `kind` is complete in `plan`.
pub(crate) fn is_done(plan: &TaskPlan, kind: TaskKind) -> bool {
    plan.tasks.iter().any(|task| task.is(kind) && task.status == TaskStatus::Complete)
}

/// Whether a task of kind `kind` is not complete yet in `plan`.
pub(crate) fn is_incomplete(plan: &TaskPlan, kind: TaskKind) -> bool {
    plan.tasks.iter().any(|task| task.is(kind) && task.status != TaskStatus::Complete)
}

/// Whether `plan` has a task of kind `kind`.
pub(crate) fn has(plan: &TaskPlan, kind: TaskKind) -> bool {
    plan.tasks.iter().any(|task| task.is(kind))
}

/// Whether `config-apply` of `plan` writes the persistent peers. In earlier versions `discover-peers` did.
pub(crate) fn writes_peers(plan: &TaskPlan) -> bool {
    let writes =
        |task: &PlannedTask| task.params.as_ref().is_some_and(|params| params.get("peers").is_some());
    plan.tasks.iter().any(|task| task.is(TaskKind::ConfigApply) && writes(task))
}

/// Whether `plan` worked on another volume than the existing one.
pub(crate) fn is_on_other_volume(plan: &TaskPlan, inputs: &PlanInputs) -> bool {
    plan.claim_uid.as_ref().zip(inputs.claim_uid.as_ref()).is_some_and(|(was, is)| was != is)
}

/// Marks everything up to the first task of kind `last` as complete.
pub(crate) fn finish(tasks: &mut [PlannedTask], last: TaskKind) {
    if let Some(end) = tasks.iter().position(|task| task.is(last)) {
        tasks[..=end].iter_mut().for_each(|task| task.status = TaskStatus::Complete);
    }
}

/// Counts how often work of `plan` is repeated, and delays all repetitions except the first with increasing backoff.
pub(crate) fn delay_reissue(plan: &mut TaskPlan, now: Timestamp, jitter: f64) {
    let earlier = plan.reissues.unwrap_or(0);
    plan.reissues = Some(earlier + 1);
    let task = plan.tasks.iter_mut().find(|task| task.status != TaskStatus::Complete);
    if let Some(task) = task.filter(|_| earlier > 0) {
        let delay = retry_delay(task.kind(), earlier, jitter);
        task.next_attempt_at = SignedDuration::try_from(delay).ok().map(|delay| Time(now + delay));
    }
}

/// Gives `snapshot-upload` the single ID that it has on this volume: that of the previous plan, which may come from the
/// Go controller, or else the one derived from the claim.
pub(crate) fn set_upload_id(plan: &mut TaskPlan, before: Option<&TaskPlan>) {
    let is_upload = |task: &&PlannedTask| task.is(TaskKind::SnapshotUpload);
    let same = before.filter(|before| before.claim_uid.is_none() || before.claim_uid == plan.claim_uid);
    let known = same.and_then(|before| Some(before.tasks.iter().find(is_upload)?.id.clone()));
    let derived = || plan.claim_uid.as_deref().map(|uid| upload_id(uid).to_string());
    let Some(id) = known.or_else(derived) else { return };
    for task in plan.tasks.iter_mut().filter(|task| task.is(TaskKind::SnapshotUpload)) {
        task.id.clone_from(&id);
    }
}
