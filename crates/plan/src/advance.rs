//! What becomes of a plan when a task's step had an outcome. Pure: the step was taken elsewhere.

use std::{marker::PhantomData, time::Duration};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use sei_api::{
    SeiNode,
    conditions::ReadyReason,
    v1alpha1::{FailedTaskDetail, FailureCause, PlanPhase, PlannedTask, TaskPlan, TaskStatus},
};

use crate::{
    Ground, OfKind, TaskKind,
    backoff::{WATCHED, elapsed, poll_delay, retry_delay},
    outcome::{Outcome, Step},
    retry::retry_request,
    stored::{delay_reissue, finish, has, is_done, is_elsewhere, name_upload, writes_peers},
};

/// A plan that is not stored yet. It can only be written to status; nothing of it can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proposed;

/// A plan that the API server holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Persisted;

/// A plan, and whether it may run: only [`Plan<Persisted>`] names a task to do and takes outcomes.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan<S> {
    stored: TaskPlan,
    state: PhantomData<S>,
}

impl<S> Plan<S> {
    /// The plan as it is or will be stored.
    pub fn stored(&self) -> &TaskPlan {
        &self.stored
    }

    /// The plan as it is or will be stored.
    pub fn into_stored(self) -> TaskPlan {
        self.stored
    }
}

impl Plan<Proposed> {
    /// A plan for `node`, marked with what it was made from.
    pub fn propose(mut plan: TaskPlan, node: &SeiNode, ground: &Ground, now: Timestamp) -> Self {
        plan.generation = node.metadata.generation;
        plan.retry = retry_request(node).map(str::to_owned);
        plan.created_at = Some(Time(now));
        plan.claim_uid = plan.claim_uid.or_else(|| ground.claim_uid.clone());
        plan.sidecar_image.clone_from(&ground.sidecar_image);
        let before = node.status.as_ref().and_then(|status| status.plan.as_ref());
        name_upload(&mut plan, before);
        Self { stored: plan, state: PhantomData }
    }
}

impl Plan<Persisted> {
    /// The Active plan of a node that was read from the API server. The only maker of a persisted plan.
    pub fn load(node: &SeiNode) -> Option<Self> {
        node.metadata.resource_version.as_ref()?;
        let plan = node.status.as_ref()?.plan.as_ref()?;
        if plan.phase != PlanPhase::Active {
            return None;
        }
        let mut stored = plan.clone();
        // The Go controller did not say what a plan was made from: it is taken as made from the spec as it is.
        stored.generation = stored.generation.or(node.metadata.generation);
        Some(Self { stored, state: PhantomData })
    }

    /// Whether the Go controller made it: its plans do not say when they were made.
    pub fn is_adopted(&self) -> bool {
        self.stored.created_at.is_none()
    }

    /// Takes what is known of the world into the plan. One that does not say on which claim it works is taken as
    /// working on the one that is there; a bootstrap whose volume holds the state of the chain is over, whatever was
    /// noted of it.
    pub fn adopt(&mut self, ground: &Ground) {
        let plan = &mut self.stored;
        if is_done(plan, TaskKind::EnsureDataPvc) || !has(plan, TaskKind::EnsureDataPvc) {
            plan.claim_uid = plan.claim_uid.take().or_else(|| ground.claim_uid.clone());
        }
        plan.sidecar_image = plan.sidecar_image.take().or_else(|| ground.sidecar_image.clone());
        if ground.has_state && plan.claim_uid == ground.claim_uid {
            self.end_bootstrap();
        }
    }

    /// Whether it works on another volume than the one that is there.
    pub fn is_elsewhere(&self, ground: &Ground) -> bool {
        is_elsewhere(&self.stored, ground)
    }

    /// UID of the object that the last task of kind `kind` was done on.
    pub fn object_of(&self, kind: TaskKind) -> Option<&str> {
        self.stored.tasks.iter().rev().find(|task| task.is(kind))?.object_uid.as_deref()
    }

    /// Whether a task of kind `kind` is done.
    pub fn is_done(&self, kind: TaskKind) -> bool {
        is_done(&self.stored, kind)
    }

    /// Whether a task of kind `kind` is not done yet.
    pub fn is_left(&self, kind: TaskKind) -> bool {
        self.stored.tasks.iter().any(|task| task.is(kind) && task.status != TaskStatus::Complete)
    }

    /// Whether its `config-apply` writes the persistent peers, so that it can do without `discover-peers`.
    pub fn writes_peers(&self) -> bool {
        writes_peers(&self.stored)
    }

    /// Notes that the bootstrap Job has completed, whatever was noted of its tasks.
    pub fn end_bootstrap(&mut self) {
        finish(&mut self.stored.tasks, TaskKind::AwaitBootstrapComplete);
    }

    /// Lets the tasks of these kinds be done again, under their ids.
    pub fn repeat(&mut self, kinds: &[TaskKind]) {
        for task in &mut self.stored.tasks {
            if kinds.iter().any(|kind| task.is(*kind)) {
                task.status = TaskStatus::Pending;
            }
        }
    }

    /// The first task that is not done, with its index.
    pub fn current(&self) -> Option<(usize, &PlannedTask)> {
        self.stored.tasks.iter().enumerate().find(|(_, task)| task.status != TaskStatus::Complete)
    }

    /// Time until the current task may be tried again; `None` when it is due.
    pub fn backing_off(&self, now: Timestamp) -> Option<Duration> {
        let next = self.current()?.1.next_attempt_at.as_ref()?.0;
        Duration::try_from(next.duration_since(now)).ok().filter(|left| !left.is_zero())
    }

    /// Whether any task of kind `kind` comes after the current one.
    pub fn ahead(&self, kind: TaskKind) -> bool {
        let from = self.current().map_or(self.stored.tasks.len(), |(index, _)| index + 1);
        self.stored.tasks[from..].iter().any(|task| task.is(kind))
    }

    /// Takes the outcome of a step of the current task.
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
                    name_upload(&mut self.stored, None);
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
                self.backing_off(now).map_or(Step::Next, Step::Later)
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
        // The Go controller saw no failures and gave most tasks no budget.
        task.max_retries = task.max_retries.or_else(|| kind.and_then(TaskKind::max_retries));
        if retries >= task.max_retries.unwrap_or(0) {
            // The sidecar has ended it: a plan after this one gives it another id.
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
