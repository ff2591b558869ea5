//! The effect of a task's outcome on its plan. Pure: the step itself is executed elsewhere.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use sei_api::{
    conditions::ReadyReason,
    v1alpha1::{FailedTaskDetail, FailureCause, PlanPhase, TaskStatus},
};

use crate::{
    OfKind, TaskKind,
    backoff::{WATCHED, elapsed, poll_delay, retry_delay},
    outcome::{Outcome, Step},
    stored::{delay_reissue, set_upload_id},
};

use super::{Persisted, Plan};

impl Plan<Persisted> {
    /// Applies the outcome of a step of the current task.
    pub fn advance(&mut self, outcome: Outcome, now: Timestamp, jitter: f64) -> Step {
        let Some(index) = self.current().map(|(index, _)| index) else {
            self.stored.phase = PlanPhase::Complete;
            return Step::Ended;
        };
        let task = &mut self.stored.tasks[index];
        if !matches!(outcome, Outcome::Waiting { .. }) {
            task.waiting_since = None;
        }
        match outcome {
            Outcome::Done => self.done(index, None),
            Outcome::DoneOn { uid } => {
                let is_claim = task.is(TaskKind::EnsureDataPvc);
                if is_claim && self.stored.claim_uid.as_ref().is_some_and(|known| *known != uid) {
                    return Step::Replan;
                }
                if is_claim && self.stored.claim_uid.is_none() {
                    self.stored.claim_uid = Some(uid.clone());
                    set_upload_id(&mut self.stored, None);
                }
                self.done(index, Some(uid))
            }
            Outcome::Requested => Step::Later(WATCHED),
            Outcome::Submitted | Outcome::Running => {
                task.submitted_at.get_or_insert(Time(now));
                task.next_attempt_at = None;
                Step::Later(WATCHED)
            }
            Outcome::Waiting { reason, .. } => {
                let since = task.waiting_since.get_or_insert(Time(now)).0;
                match reason {
                    ReadyReason::SidecarUnreachable
                    | ReadyReason::SidecarAccessDenied
                    | ReadyReason::SidecarHeld => Step::Later(WATCHED),
                    _ => Step::Later(poll_delay(elapsed(since, now), jitter)),
                }
            }
            Outcome::AttemptFailed { error } => self.attempt_failed(index, error, now, jitter),
            Outcome::Rejected { error } => {
                self.fail(index, error, FailureCause::Rejected);
                Step::Ended
            }
            Outcome::TaskUnknown { error } => {
                self.fail(index, error, FailureCause::TaskUnknown);
                Step::Ended
            }
            // The pod of the next Job waits for another mark-ready.
            Outcome::JobLost if task.is(TaskKind::AwaitBootstrapComplete) => Step::Replan,
            Outcome::JobLost => {
                self.repeat(&[TaskKind::DeployBootstrapService, TaskKind::DeployBootstrapJob]);
                delay_reissue(&mut self.stored, now, jitter);
                self.backoff_remaining(now).map_or(Step::Next, Step::Later)
            }
            Outcome::Reissue => Step::Replan,
        }
    }

    fn done(&mut self, index: usize, object_uid: Option<String>) -> Step {
        let task = &mut self.stored.tasks[index];
        task.status = TaskStatus::Complete;
        task.error = None;
        task.next_attempt_at = None;
        task.object_uid = object_uid;
        if self.current().is_some() {
            return Step::Next;
        }
        self.stored.phase = PlanPhase::Complete;
        Step::Ended
    }

    fn attempt_failed(&mut self, index: usize, error: String, now: Timestamp, jitter: f64) -> Step {
        let task = &mut self.stored.tasks[index];
        let retries = task.retry_count.unwrap_or(0);
        let kind = task.kind();
        // The Go controller did not detect failures and gave most tasks no retry budget.
        task.max_retries = task.max_retries.or_else(|| kind.and_then(TaskKind::max_retries));
        if retries >= task.max_retries.unwrap_or(0) {
            // The sidecar has ended the task; the next plan gives it another ID.
            task.submitted_at = None;
            self.fail(index, error, FailureCause::AttemptsExhausted);
            return Step::Ended;
        }
        let delay = retry_delay(kind, retries + 1, jitter);
        task.retry_count = Some(retries + 1);
        task.submitted_at = None;
        task.error = Some(error);
        task.next_attempt_at = SignedDuration::try_from(delay).ok().map(|delay| Time(now + delay));
        Step::Later(delay)
    }

    fn fail(&mut self, index: usize, error: String, cause: FailureCause) {
        let task = &mut self.stored.tasks[index];
        task.status = TaskStatus::Failed;
        task.error = Some(error.clone());
        task.next_attempt_at = None;
        self.stored.failed_task_index = i64::try_from(index).ok();
        self.stored.failed_task_detail = Some(FailedTaskDetail {
            type_: task.type_.clone(),
            id: task.id.clone(),
            error,
            retry_count: task.retry_count.unwrap_or(0),
            max_retries: task.max_retries.unwrap_or(0),
            cause: Some(cause),
            object_uid: None,
        });
        self.stored.phase = PlanPhase::Failed;
    }
}
