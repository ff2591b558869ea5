//! The decision about an observation: a total function without side effects.

use sei_api::SeiNodeStatus;
use sei_plan::{Persisted, Plan, PlanInputs};
use sei_render::Rendering;

use crate::{
    drift::{self, Drift},
    ending, facts,
    in_sync::InSync,
    node_task,
    observed::Observed,
    obstacle::{self, Obstacle},
    plan_inputs::plan_inputs,
    repair::{Overridden, Repair},
    wanted::{Wanted, wanted},
};

/// The decision of a pass.
pub(crate) struct Decision {
    /// The status to write, before `Ready` and `Stalled` are summarized.
    pub(crate) status: SeiNodeStatus,
    /// Objects to repair first.
    pub(crate) repairs: Vec<Repair>,
    /// Fields whose repair does not last.
    pub(crate) overridden: Vec<Overridden>,
    /// Objects without drift.
    pub(crate) in_sync: Vec<InSync>,
    pub(crate) next: Next,
    pub(crate) obstacle: Option<Obstacle>,
    pub(crate) inputs: PlanInputs,
    /// A required plan waits for the SeiNodeTask that holds the node.
    pub(crate) awaits_task: bool,
}

/// What happens with the plan.
pub(crate) enum Next {
    /// The status has a new plan: store it, then requeue. None of its tasks runs before it is stored.
    Store,
    /// Run the stored plan as far as possible.
    Run(Box<Plan<Persisted>>),
    /// Wait for an event or the next requeue.
    Wait,
}

/// Decides about one observation. `plan_id` is used if a plan is created.
pub(crate) fn decide(observed: &Observed, rendering: &Rendering<'_>, plan_id: &str) -> Decision {
    let (node, platform) = (rendering.node(), rendering.platform());
    let mut status = facts::status(observed, node, platform);
    node_task::release(observed, &mut status);
    let Drift { repairs, foreign, overridden, in_sync } = drift::find(observed, rendering);
    let obstacle = obstacle::find(observed, rendering, foreign);
    let inputs = plan_inputs(observed, node, &status, platform);
    let wanted = wanted(observed, node, &status, obstacle.as_ref(), &inputs, plan_id);
    let awaits_task = matches!(wanted, Wanted::AfterTask);
    let (next, mut repairs) = match wanted {
        Wanted::Run(plan) => (Next::Run(plan), repairs),
        Wanted::New(plan) => {
            ending::begin(observed, &mut status, *plan, &inputs);
            (Next::Store, Vec::new())
        }
        Wanted::Drop => {
            ending::drop_update(observed, &mut status);
            (Next::Wait, Vec::new())
        }
        Wanted::AfterTask => (Next::Wait, repairs),
        Wanted::Nothing => {
            node_task::grant(observed, &mut status);
            (Next::Wait, repairs)
        }
    };
    repairs.extend(drift::unmarked_claim(observed));
    repairs.extend(drift::claim_retention(observed));
    Decision { status, repairs, overridden, in_sync, next, obstacle, inputs, awaits_task }
}
