//! Which changes of a status may be written later.

use sei_api::{
    SeiNodeStatus,
    conditions::ConditionType,
    v1alpha1::{PlanPhase, TaskPlan, TaskStatus},
};
use sei_plan::{OfKind, Purpose, TaskKind};

/// Whether two statuses differ only in the progress of a stored plan: tasks that were submitted to the sidecar, are
/// waiting or are complete, and `Ready`. If the operator stops before that is written, the next process recovers it by
/// querying the sidecar for the same tasks and applying the same objects. Everything else, such as a plan, a failed
/// attempt or a phase, would be lost or repeated.
pub fn is_progress(stored: &SeiNodeStatus, status: &SeiNodeStatus) -> bool {
    let (Some(before), Some(after)) = (&stored.plan, &status.plan) else { return false };
    if before.phase != PlanPhase::Active || before.id != after.id || writes_each_step(before) {
        return false;
    }
    let mut rest = status.clone();
    rest.plan = Some(without_progress(before, after));
    let (ready, was) = (status.condition(ConditionType::Ready), stored.condition(ConditionType::Ready));
    let conditions = rest.conditions.iter_mut().flatten();
    if let (Some(ready), Some(was)) = (ready, was)
        && ready.status == was.status
        && let Some(rest) = conditions.into_iter().find(|condition| condition.type_ == ready.type_)
    {
        rest.clone_from(was);
    }
    rest == *stored && status != stored
}

/// Whether every step of `plan` has to be written: an update works on a running pod; the sidecar of a bootstrap ends
/// with its Job and cannot be queried afterwards; and a sidecar configures state sync once per volume, so a plan that
/// replaces this one must know whether the configuration may be rewritten.
fn writes_each_step(plan: &TaskPlan) -> bool {
    let is_ahead = |kind| plan.tasks.iter().any(|task| task.is(kind) && task.status != TaskStatus::Complete);
    Purpose::of(plan) == Purpose::Update
        || is_ahead(TaskKind::AwaitBootstrapComplete)
        || is_ahead(TaskKind::ConfigureStateSync)
}

/// `after`, without the progress since `before`.
fn without_progress(before: &TaskPlan, after: &TaskPlan) -> TaskPlan {
    let mut rest = after.clone();
    rest.claim_uid = rest.claim_uid.filter(|_| before.claim_uid.is_some());
    rest.sidecar_image = rest.sidecar_image.filter(|_| before.sidecar_image.is_some());
    for (task, was) in rest.tasks.iter_mut().zip(&before.tasks) {
        if was.kind().is_some_and(TaskKind::is_recoverable) && task.status != TaskStatus::Failed {
            task.status = was.status;
            task.submitted_at.clone_from(&was.submitted_at);
            task.waiting_since.clone_from(&was.waiting_since);
            task.object_uid = task.object_uid.take().filter(|_| was.object_uid.is_some());
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use sei_api::{
        conditions::{ReadyReason, Statement, set},
        v1alpha1::{NodePhase, PlannedTask},
    };
    use serde_json::json;

    use super::*;

    fn with_ready(mut status: SeiNodeStatus, is_ready: bool, message: &str) -> SeiNodeStatus {
        let said = Statement::new(is_ready, ReadyReason::PlanInProgress, message);
        set(&mut status.conditions, said, Some(1), Timestamp::UNIX_EPOCH);
        status
    }

    fn status(types: &[&str]) -> SeiNodeStatus {
        let task = |kind: &&str| json!({ "type": kind, "id": kind, "status": "Pending" });
        let tasks: Vec<_> = types.iter().map(task).collect();
        let plan = json!({ "id": "p", "phase": "Active", "tasks": tasks });
        with_ready(
            serde_json::from_value(json!({ "phase": "Initializing", "plan": plan })).unwrap(),
            false,
            "task 1",
        )
    }

    fn changed(before: &SeiNodeStatus, change: impl FnOnce(&mut SeiNodeStatus)) -> SeiNodeStatus {
        let mut after = before.clone();
        change(&mut after);
        after
    }

    fn task(status: &mut SeiNodeStatus, index: usize) -> &mut PlannedTask {
        &mut status.plan.as_mut().unwrap().tasks[index]
    }

    #[test]
    fn only_progress_that_can_be_recovered_may_be_written_later() {
        let init = status(&["ensure-data-pvc", "teardown-bootstrap", "config-apply", "mark-ready"]);
        let now = Some(Time(Timestamp::UNIX_EPOCH));
        let progress = changed(&init, |status| {
            status.plan.as_mut().unwrap().claim_uid = Some("u".to_owned());
            task(status, 0).status = TaskStatus::Complete;
            task(status, 0).object_uid = Some("u".to_owned());
            task(status, 2).submitted_at.clone_from(&now);
            task(status, 3).waiting_since.clone_from(&now);
        });
        assert!(is_progress(&init, &progress));
        assert!(is_progress(&init, &with_ready(progress.clone(), false, "task 3")));
        assert!(!is_progress(&init, &init), "nothing to write");
        for (what, after) in [
            ("Ready", with_ready(progress.clone(), true, "task 1")),
            ("phase", changed(&progress, |status| status.phase = Some(NodePhase::Running))),
            ("image", changed(&progress, |status| status.current_image = Some("i".to_owned()))),
            ("another plan", changed(&progress, |status| status.plan.as_mut().unwrap().id = "q".to_owned())),
            (
                "the end",
                changed(&progress, |status| status.plan.as_mut().unwrap().phase = PlanPhase::Complete),
            ),
            ("an object", changed(&progress, |status| task(status, 1).status = TaskStatus::Complete)),
            ("a retry", changed(&progress, |status| task(status, 2).retry_count = Some(1))),
            ("a failure", changed(&progress, |status| task(status, 2).status = TaskStatus::Failed)),
            ("one task fewer", changed(&progress, |status| drop(status.plan.as_mut().unwrap().tasks.pop()))),
        ] {
            assert!(!is_progress(&init, &after), "{what}");
        }
        let moved =
            changed(&progress, |status| status.plan.as_mut().unwrap().claim_uid = Some("v".to_owned()));
        assert!(!is_progress(&progress, &moved), "another claim");
    }

    #[test]
    fn every_step_of_updates_bootstraps_and_state_sync_is_written_immediately() {
        let update = status(&["apply-statefulset", "replace-pod", "observe-image", "mark-ready"]);
        let bootstrap =
            status(&["ensure-data-pvc", "deploy-bootstrap-job", "mark-ready", "await-bootstrap-complete"]);
        let state_sync = status(&["ensure-data-pvc", "config-apply", "configure-state-sync", "mark-ready"]);
        for before in [update, bootstrap, state_sync] {
            let after = changed(&before, |status| task(status, 0).status = TaskStatus::Complete);
            assert!(!is_progress(&before, &after));
        }
    }
}
