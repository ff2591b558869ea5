//! A plan, proposed or stored, and its tasks.

mod advance;

use std::{marker::PhantomData, time::Duration};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use sei_api::{
    SeiNode,
    labels::retry_request,
    v1alpha1::{PlanPhase, PlannedTask, TaskPlan, TaskStatus},
};

use crate::{
    OfKind, PlanInputs, TaskKind,
    clock::correct_times,
    stored::{finish, has, is_done, is_incomplete, is_on_other_volume, set_upload_id, writes_peers},
};

/// A plan that is not stored yet. It can only be written to status; none of its tasks can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proposed;

/// A plan that is stored in the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Persisted;

/// A plan, and whether it may run: only [`Plan<Persisted>`] has a current task and accepts outcomes.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan<S> {
    stored: TaskPlan,
    state: PhantomData<S>,
}

impl<S> Plan<S> {
    /// The plan in its stored form.
    pub fn stored(&self) -> &TaskPlan {
        &self.stored
    }

    /// The plan in its stored form.
    pub fn into_stored(self) -> TaskPlan {
        self.stored
    }
}

impl Plan<Proposed> {
    /// A plan for `node`, with a record of what it was created from.
    pub fn propose(mut plan: TaskPlan, node: &SeiNode, inputs: &PlanInputs, now: Timestamp) -> Self {
        plan.generation = node.metadata.generation;
        plan.retry = retry_request(node).map(str::to_owned);
        plan.created_at = Some(Time(now));
        plan.claim_uid = plan.claim_uid.or_else(|| inputs.claim_uid.clone());
        plan.sidecar_image.clone_from(&inputs.sidecar_image);
        let before = node.status.as_ref().and_then(|status| status.plan.as_ref());
        set_upload_id(&mut plan, before);
        Self { stored: plan, state: PhantomData }
    }
}

impl Plan<Persisted> {
    /// The Active plan of a node that was read from the API server. This is the only constructor of a persisted plan.
    pub fn load(node: &SeiNode) -> Option<Self> {
        node.metadata.resource_version.as_ref()?;
        let plan = node.status.as_ref()?.plan.as_ref()?;
        if plan.phase != PlanPhase::Active {
            return None;
        }
        let mut stored = plan.clone();
        // The Go controller did not record what a plan was created from: assume the current spec.
        stored.generation = stored.generation.or(node.metadata.generation);
        // The Go controller's CRD admits it and ours does not: every write of the plan would be rejected.
        for task in &mut stored.tasks {
            task.retry_count.take_if(|retries| *retries < 0);
        }
        Some(Self { stored, state: PhantomData })
    }

    /// Whether the Go controller created it: its plans have no creation time.
    pub fn is_adopted(&self) -> bool {
        self.stored.created_at.is_none()
    }

    /// Completes the plan with observed facts. A plan without a claim is assumed to work on the existing one; a
    /// bootstrap whose volume holds the state of the chain has ended, regardless of the recorded progress.
    pub fn adopt(&mut self, inputs: &PlanInputs) {
        let plan = &mut self.stored;
        if is_done(plan, TaskKind::EnsureDataPvc) || !has(plan, TaskKind::EnsureDataPvc) {
            plan.claim_uid = plan.claim_uid.take().or_else(|| inputs.claim_uid.clone());
        }
        plan.sidecar_image = plan.sidecar_image.take().or_else(|| inputs.sidecar_image.clone());
        if inputs.has_state && plan.claim_uid == inputs.claim_uid {
            self.end_bootstrap();
        }
    }

    /// Corrects stored times that are in the future.
    pub fn correct_times(&mut self, now: Timestamp) {
        correct_times(&mut self.stored, now);
    }

    /// Whether it works on another volume than the existing one.
    pub fn is_on_other_volume(&self, inputs: &PlanInputs) -> bool {
        is_on_other_volume(&self.stored, inputs)
    }

    /// UID of the object that the last task of kind `kind` acted on.
    pub fn object_of(&self, kind: TaskKind) -> Option<&str> {
        self.stored.tasks.iter().rev().find(|task| task.is(kind))?.object_uid.as_deref()
    }

    /// UID of the pod that `replace-pod` replaces although its template is current: the pod on which the configuration
    /// was completed, since its seid may have started earlier, or else `also`, which the task names.
    pub fn outdated_pod<'a>(&'a self, also: Option<&'a str>) -> Option<&'a str> {
        self.object_of(TaskKind::ConfigValidate).or(also)
    }

    /// Whether a task of kind `kind` is complete.
    pub fn is_done(&self, kind: TaskKind) -> bool {
        is_done(&self.stored, kind)
    }

    /// Whether a task of kind `kind` is not complete yet.
    pub fn is_incomplete(&self, kind: TaskKind) -> bool {
        is_incomplete(&self.stored, kind)
    }

    /// Whether its `config-apply` writes the persistent peers, so that `discover-peers` can be skipped.
    pub fn writes_peers(&self) -> bool {
        writes_peers(&self.stored)
    }

    /// Records that the bootstrap Job has completed, regardless of the recorded progress of its tasks.
    pub fn end_bootstrap(&mut self) {
        finish(&mut self.stored.tasks, TaskKind::AwaitBootstrapComplete);
    }

    /// Resets the tasks of these kinds, which keep their IDs.
    pub fn repeat(&mut self, kinds: &[TaskKind]) {
        for task in &mut self.stored.tasks {
            if kinds.iter().any(|kind| task.is(*kind)) {
                task.status = TaskStatus::Pending;
            }
        }
    }

    /// The first task that is not complete, with its index.
    pub fn current(&self) -> Option<(usize, &PlannedTask)> {
        self.stored.tasks.iter().enumerate().find(|(_, task)| task.status != TaskStatus::Complete)
    }

    /// Time until the current task may be retried; `None` if it is due.
    pub fn backoff_remaining(&self, now: Timestamp) -> Option<Duration> {
        let next = self.current()?.1.next_attempt_at.as_ref()?.0;
        Duration::try_from(next.duration_since(now)).ok().filter(|left| !left.is_zero())
    }

    /// Whether any task of kind `kind` comes after the current one.
    pub fn has_later(&self, kind: TaskKind) -> bool {
        let from = self.current().map_or(self.stored.tasks.len(), |(index, _)| index + 1);
        self.stored.tasks[from..].iter().any(|task| task.is(kind))
    }
}
