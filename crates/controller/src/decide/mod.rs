//! What to do about what was observed: a total function without effects.

mod drift;
mod ending;
mod facts;
#[cfg(test)]
mod lives;
mod obstacle;
mod summary;
mod wanted;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use sei_api::{
    SeiNode, SeiNodeStatus,
    conditions::{self, ConditionType, Reason, Statement},
    v1alpha1::{NodePhase, TaskPlan},
};
use sei_plan::{Outcome, Persisted, Plan, TaskKind};
use sei_render::Platform;

pub(crate) use drift::Repair;
pub(crate) use ending::{begin_again, settle};
use obstacle::Obstacle;
use wanted::Wanted;

use crate::observe::Observed;

/// What a pass is to do.
pub(crate) struct Decision {
    /// The status to write, `Ready` and `Stalled` still to be summed up.
    pub(crate) status: SeiNodeStatus,
    pub(crate) next: Next,
    obstacle: Option<Obstacle>,
}

/// What comes after the status.
pub(crate) enum Next {
    /// The status has a new plan: store it, then look again. Nothing of it runs before it is stored.
    Store,
    /// Set these objects right, then run the stored plan as far as it goes.
    Run(Box<Plan<Persisted>>, Vec<Repair>),
    /// Set these objects right.
    Repair(Vec<Repair>),
    /// Nothing until an event or the next look.
    Wait,
}

/// Decides about one observation. `plan_id` is used if a plan is made.
pub(crate) fn decide(observed: &Observed, platform: &Platform, plan_id: &str) -> Decision {
    let mut status = facts::status(observed, platform);
    let (repairs, foreign) = drift::find(observed, platform);
    let obstacle = obstacle::find(observed, platform, foreign);
    let next = match wanted::wanted(observed, &status, obstacle.as_ref(), plan_id) {
        Wanted::Run(plan) => Next::Run(plan, repairs),
        Wanted::New(plan) => {
            let plan = Plan::propose(*plan, &observed.node, observed.now);
            begin(&mut status, plan.stored(), &observed.node, observed.now);
            status.plan = Some(plan.into_stored());
            Next::Store
        }
        Wanted::Drop => {
            ending::drop_update(observed, &mut status);
            Next::Wait
        }
        Wanted::Nothing if !repairs.is_empty() => Next::Repair(repairs),
        Wanted::Nothing => Next::Wait,
    };
    Decision { status, next, obstacle }
}

fn is_update(plan: &TaskPlan) -> bool {
    plan.tasks.iter().any(|task| task.type_ == TaskKind::ObserveImage.as_str())
}

/// What making a plan changes in the status.
fn begin(status: &mut SeiNodeStatus, plan: &TaskPlan, node: &SeiNode, now: Timestamp) {
    if plan.failed_phase.is_some() {
        set_phase(status, NodePhase::Initializing, now);
    }
    if is_update(plan) {
        let current = status.current_image.as_deref().unwrap_or("unknown");
        let message = format!("from {current} to {}", node.spec.image);
        let started =
            Statement::new(ConditionType::NodeUpdateInProgress, true, Reason::UpdateStarted, message);
        conditions::set(&mut status.conditions, started, node.metadata.generation, now);
    }
}

/// Sums the status up in `Ready` and `Stalled`, knowing what the last step came to.
pub(crate) fn sum_up(
    observed: &Observed,
    status: &mut SeiNodeStatus,
    obstacle: Option<&Obstacle>,
    last: Option<&Outcome>,
) {
    summary::sum_up(observed, status, obstacle, last);
}

impl Decision {
    /// The obstacle that `sum_up` has to tell.
    pub(crate) fn take_obstacle(&mut self) -> Option<Obstacle> {
        self.obstacle.take()
    }
}

/// Sets the phase; its time moves only with it.
pub(crate) fn set_phase(status: &mut SeiNodeStatus, phase: NodePhase, now: Timestamp) {
    if status.phase != Some(phase) {
        status.phase = Some(phase);
        status.phase_transition_time = Some(Time(now));
    }
}
