//! The pass as a state machine: it starts with the observation, requests effects, takes their outcomes, and
//! ends with the status to write. It has no effects; the caller performs them.

use std::{mem, time::Duration};

use jiff::Timestamp;
use sei_api::{SeiNodeStatus, v1alpha1::PlannedTask};
use sei_plan::{OfKind, Outcome, Persisted, Plan, PlanInputs, Step, TaskKind, is_outdated, reissue, replan};
use sei_render::{Platform, Rendering};

use crate::{
    decision::{Decision, Next, decide},
    ending,
    in_sync::InSync,
    observed::Observed,
    obstacle::Obstacle,
    repair::{Overridden, Repair, Repaired},
    spec_honored, summary,
    wanted::during_node_task,
};

/// Resync interval: a node is observed again after this time even without an event.
const RESYNC: Duration = Duration::from_secs(300);
/// Requeue interval of a node that waits for another one, in case the event of the release is missed.
const HELD: Duration = Duration::from_secs(30);
/// Retry interval of a failed repair.
const REPAIR_AGAIN: Duration = Duration::from_secs(15);
/// Minimum requeue time.
const SOONEST: Duration = Duration::from_millis(100);

/// One pass over a node.
pub struct Pass<'a> {
    observed: &'a Observed,
    rendering: Rendering<'a>,
    plan_id: &'a str,
    status: SeiNodeStatus,
    obstacle: Option<Obstacle>,
    inputs: PlanInputs,
    repairs: std::vec::IntoIter<Repair>,
    overridden: Vec<Overridden>,
    in_sync: Vec<InSync>,
    /// Why repairs failed.
    failed: Vec<String>,
    /// A plan waits for the SeiNodeTask that holds the node.
    awaits_task: bool,
    /// A plan ended whose spec changed meanwhile: the next pass shows whether anything is left to do.
    is_behind: bool,
    /// The running plan.
    plan: Option<Plan<Persisted>>,
    last: Option<Outcome>,
    requeue: Requeue,
}

/// What a pass requests next.
pub enum Request<'a> {
    /// Apply this object and give the result to [`Pass::repaired`].
    Repair(Repair),
    /// Execute one step of a task and give its outcome to [`Pass::stepped`].
    Step {
        /// The stored plan.
        plan: &'a Plan<Persisted>,
        /// Its current task.
        task: &'a PlannedTask,
        /// The objects of the node, for the tasks that need them.
        rendering: &'a Rendering<'a>,
    },
    /// Write the status that [`Pass::end`] returns.
    WriteStatus,
}

/// What to do after the status is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requeue {
    /// Start another pass: a new plan is stored, and none of its tasks has run.
    PlanStored,
    /// Observe everything again and start another pass: the plan ended or was replaced.
    Now,
    /// Wait for an event, but not longer than this.
    After(Duration),
}

impl<'a> Pass<'a> {
    /// Decides about the observation. `plan_id` is the ID of the new plan, if the pass creates one.
    pub fn begin(observed: &'a Observed, platform: &'a Platform, plan_id: &'a str) -> Self {
        let rendering = Rendering::of(platform.node(&observed.node), platform);
        let Decision { status, repairs, overridden, in_sync, next, obstacle, inputs, awaits_task } =
            decide(observed, &rendering, plan_id);
        let certificate = observed.tls.as_ref().and_then(|tls| tls.changes_at);
        let held = observed.contention.rival.as_ref().map(|_| observed.now + HELD);
        let times = [certificate, observed.read_again_at, held];
        let (plan, requeue) = match next {
            Next::Store => (None, Requeue::PlanStored),
            Next::Run(plan) => (Some(*plan), Requeue::Now),
            Next::Wait => (None, Requeue::After(requeue_delay(observed.now, times))),
        };
        let repairs = repairs.into_iter();
        let mut pass = Self {
            observed,
            rendering,
            plan_id,
            status,
            obstacle,
            inputs,
            repairs,
            overridden,
            in_sync,
            failed: Vec::new(),
            awaits_task,
            is_behind: false,
            plan,
            last: None,
            requeue,
        };
        if let Some(plan) = &mut pass.plan {
            if let Some(left) = plan.backoff_remaining(observed.now) {
                pass.settle(Step::Later(left), observed.now, 0.0);
            } else if plan.current().is_none() {
                let step = plan.advance(Outcome::Done, observed.now, 0.0);
                pass.settle(step, observed.now, 0.0);
            }
        }
        pass
    }

    /// The objects without drift, to be passed to the next pass in [`Observed::in_sync`].
    pub fn in_sync(&mut self) -> Vec<InSync> {
        mem::take(&mut self.in_sync)
    }

    /// The next request.
    pub fn next_request(&mut self) -> Request<'_> {
        if let Some(repair) = self.repairs.next() {
            return Request::Repair(repair);
        }
        match self.plan.as_ref().and_then(|plan| Some((plan, plan.current()?))) {
            Some((plan, (_, task))) => Request::Step { plan, task, rendering: &self.rendering },
            None => Request::WriteStatus,
        }
    }

    /// Takes the result of the requested repair.
    pub fn repaired(&mut self, result: Repaired) {
        match result {
            Repaired::Done => {}
            Repaired::Failed(error) => self.failed.push(error),
            Repaired::Undone(overridden) => self.overridden.push(overridden),
        }
    }

    /// Takes the outcome of the requested step.
    pub fn stepped(&mut self, outcome: Outcome, now: Timestamp, jitter: f64) {
        let Some(plan) = &mut self.plan else { return };
        self.last = Some(outcome.clone());
        if let Outcome::DoneOn { uid } = &outcome
            && plan.current().is_some_and(|(_, task)| task.is(TaskKind::EnsureDataPvc))
            && self.inputs.claim_uid.as_ref() != Some(uid)
        {
            // The cache does not have this claim yet; it was just created.
            self.inputs.claim_uid = Some(uid.clone());
            self.inputs.has_state = false;
        }
        match plan.advance(outcome, now, jitter) {
            // A plan whose spec changed continues only as far as necessary.
            Step::Next if !is_outdated(plan.stored(), &self.observed.node) => {}
            step => self.settle(step, now, jitter),
        }
    }

    /// The status to write, and what to do after that.
    pub fn end(mut self) -> (SeiNodeStatus, Requeue) {
        spec_honored::report_overridden(&mut self.status, self.observed, &self.overridden);
        summary::summarize(
            self.observed,
            &mut self.status,
            self.obstacle.as_ref(),
            self.last.as_ref(),
            &self.failed,
            self.awaits_task,
            self.is_behind,
        );
        let requeue = match self.requeue {
            Requeue::After(delay) if !self.failed.is_empty() => Requeue::After(delay.min(REPAIR_AGAIN)),
            requeue => requeue,
        };
        (self.status, requeue)
    }

    /// Ends the progress of the plan in this pass.
    fn settle(&mut self, step: Step, now: Timestamp, jitter: f64) {
        let Some(plan) = self.plan.take() else { return };
        match step {
            Step::Replan => self.replace(&plan, now, jitter),
            Step::Later(delay) => {
                ending::record(self.observed, self.rendering.node(), &mut self.status, plan.into_stored());
                self.requeue = Requeue::After(delay);
            }
            Step::Next | Step::Ended => {
                self.is_behind = is_outdated(plan.stored(), &self.observed.node);
                ending::record(self.observed, self.rendering.node(), &mut self.status, plan.into_stored());
            }
        }
    }

    /// Replaces `plan`, whose current task cannot be completed in it.
    fn replace(&mut self, plan: &Plan<Persisted>, now: Timestamp, jitter: f64) {
        let (node, old) = (self.rendering.node(), plan.stored());
        let fresh = if is_outdated(old, node.object) {
            replan(node, old, &self.inputs, self.plan_id)
        } else {
            reissue(node, old, &self.inputs, self.plan_id, (now, jitter))
        };
        match fresh {
            Some(fresh) => {
                let fresh = during_node_task(fresh, node, &self.status, self.plan_id);
                ending::begin(self.observed, &mut self.status, fresh, &self.inputs);
            }
            None => ending::drop_update(self.observed, &mut self.status),
        }
    }
}

/// Requeue time if no event arrives earlier: the earliest of the `times` at which something is known to change.
fn requeue_delay(now: Timestamp, times: [Option<Timestamp>; 3]) -> Duration {
    let until = |at: Timestamp| Duration::try_from(at.duration_since(now)).unwrap_or_default().max(SOONEST);
    times.into_iter().flatten().map(until).fold(RESYNC, Duration::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_requeue_time_is_that_of_the_earliest_known_change() {
        let now = Timestamp::UNIX_EPOCH;
        let at = |seconds: u64| Some(now + Duration::from_secs(seconds));
        assert_eq!(requeue_delay(now, [None, None, None]), RESYNC);
        assert_eq!(requeue_delay(now, [at(900), at(1), None]), Duration::from_secs(1));
        assert_eq!(requeue_delay(now, [at(20), None, at(30)]), Duration::from_secs(20));
        assert_eq!(requeue_delay(now, [at(0), None, None]), SOONEST);
    }
}
