//! What to do about what was observed: a total function without effects.

mod drift;
mod facts;
mod obstacle;
mod summary;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use sei_api::{
    SeiNode, SeiNodeStatus,
    conditions::{self, ConditionType, Reason, Statement},
    v1alpha1::{NodePhase, PlanPhase, TaskPlan},
};
use sei_plan::{Outcome, Persisted, Plan, TaskKind, build, is_outdated, reissue, replan, retry_wanted};
use sei_render::Platform;

pub(crate) use drift::Repair;
use obstacle::Obstacle;

use crate::observe::{Health, Observed};

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
    /// Run the stored plan as far as it goes.
    Run(Box<Plan<Persisted>>),
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
    let next = match wanted_plan(observed, &status, obstacle.as_ref(), plan_id) {
        Wanted::Run(plan) => Next::Run(plan),
        Wanted::New(plan) => {
            let plan = Plan::propose(*plan, &observed.node, observed.now);
            begin(&mut status, plan.stored(), &observed.node, observed.now);
            status.plan = Some(plan.into_stored());
            Next::Store
        }
        Wanted::Drop => {
            status.plan = None;
            say_update(
                &mut status,
                false,
                Reason::UpdateComplete,
                "the update was taken back".into(),
                observed,
            );
            Next::Wait
        }
        Wanted::Nothing if status.phase == Some(NodePhase::Running) && !repairs.is_empty() => {
            Next::Repair(repairs)
        }
        Wanted::Nothing => Next::Wait,
    };
    Decision { status, next, obstacle }
}

enum Wanted {
    Run(Box<Plan<Persisted>>),
    New(Box<TaskPlan>),
    Drop,
    Nothing,
}

fn wanted_plan(
    observed: &Observed,
    status: &SeiNodeStatus,
    obstacle: Option<&Obstacle>,
    plan_id: &str,
) -> Wanted {
    let node = &*observed.node;
    let new = |plan: Option<TaskPlan>| plan.map_or(Wanted::Nothing, |plan| Wanted::New(Box::new(plan)));
    if let Some(plan) = Plan::load(node) {
        return match obstacle {
            // What is wrong is said; what was begun stays as it is until it is put right.
            Some(obstacle) if obstacle.holds_plans() => Wanted::Nothing,
            _ if !(is_outdated(plan.stored(), node) && at_boundary(&plan)) => Wanted::Run(Box::new(plan)),
            _ => match replan(node, plan.stored(), plan_id) {
                Some(plan) => Wanted::New(Box::new(plan)),
                None => Wanted::Drop,
            },
        };
    }
    if obstacle.is_some() || observed.tls.as_ref().is_some_and(|tls| !tls.is_ready()) {
        return Wanted::Nothing;
    }
    let last = status.plan.as_ref();
    let failed = last.filter(|plan| plan.phase == PlanPhase::Failed);
    match (status.phase, failed) {
        (Some(NodePhase::Terminating), _) => Wanted::Nothing,
        (Some(NodePhase::Failed), Some(failed)) | (Some(NodePhase::Running), Some(failed))
            if retry_wanted(failed, node) =>
        {
            new(replan(node, failed, plan_id))
        }
        (Some(NodePhase::Failed), None) if sei_plan::retry_request(node).is_some() => {
            new(Some(build::init(node, plan_id)))
        }
        (Some(NodePhase::Failed), _) => Wanted::Nothing,
        (Some(NodePhase::Running), failed) => {
            let drifted = status.current_image.as_deref() != Some(node.spec.image.as_str());
            let gave_up = failed.is_some_and(is_update);
            if drifted && !gave_up {
                new(Some(build::update(node, plan_id)))
            } else if observed.health.as_ref().is_some_and(|probe| probe.health == Health::NotReady) {
                new(Some(build::mark_ready(node, plan_id, node.spec.publishes_snapshots())))
            } else {
                Wanted::Nothing
            }
        }
        (None | Some(NodePhase::Pending | NodePhase::Initializing), _) => {
            new(Some(build::init(node, plan_id)))
        }
    }
}

/// A plan may be replaced where no task is under way at the sidecar, or where the one that is cannot be reached
/// any more, or has nothing to lose.
fn at_boundary(plan: &Plan<Persisted>) -> bool {
    plan.current().is_none_or(|(_, task)| {
        let kind = TaskKind::from_wire(&task.type_);
        let nothing_to_lose = matches!(kind, Some(TaskKind::MarkReady | TaskKind::SnapshotUpload));
        nothing_to_lose || task.submitted_at.is_none() || task.waiting_since.is_some()
    })
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

/// The plan that takes the place of `plan`, whose current task has to be done under a new id.
pub(crate) fn begin_again(
    observed: &Observed,
    status: &mut SeiNodeStatus,
    plan: &Plan<Persisted>,
    plan_id: &str,
) {
    let stored = plan.stored();
    let current = plan.current().and_then(|(_, task)| TaskKind::from_wire(&task.type_));
    let from = match current {
        // A lost Job is made again; what it had done is on the volume.
        Some(_) if plan.ahead(TaskKind::AwaitBootstrapComplete) => TaskKind::DeployBootstrapJob,
        Some(TaskKind::AwaitBootstrapComplete) => TaskKind::DeployBootstrapJob,
        Some(kind) => kind,
        None => return,
    };
    if let Some(fresh) = reissue(&observed.node, stored, plan_id, from) {
        let fresh = Plan::propose(fresh, &observed.node, observed.now);
        begin(status, fresh.stored(), &observed.node, observed.now);
        status.plan = Some(fresh.into_stored());
    }
}

/// Takes what running a plan came to into the status.
pub(crate) fn settle(observed: &Observed, status: &mut SeiNodeStatus, plan: TaskPlan) {
    let node = &*observed.node;
    match plan.phase {
        PlanPhase::Active => {}
        PlanPhase::Complete => {
            if let Some(phase) = plan.target_phase {
                set_phase(status, phase, observed.now);
            }
            if plan.tasks.iter().any(|task| task.type_ == TaskKind::ApplyStatefulSet.as_str()) {
                // Plans of the Go controller do not say which image they were for; the StatefulSet does.
                let applied = observed.children.stateful_set.as_deref().and_then(drift::seid_image);
                status.current_image = plan
                    .target_image
                    .clone()
                    .or_else(|| applied.map(str::to_owned))
                    .or(Some(node.spec.image.clone()));
            }
            if is_update(&plan) {
                say_update(
                    status,
                    false,
                    Reason::UpdateComplete,
                    format!("plan {} is complete", plan.id),
                    observed,
                );
            }
        }
        PlanPhase::Failed => {
            if let Some(phase) = plan.failed_phase {
                set_phase(status, phase, observed.now);
            }
            let detail = plan.failed_task_detail.as_ref();
            if is_update(&plan) {
                let why =
                    detail.map_or_else(String::new, |detail| format!(": {}: {}", detail.type_, detail.error));
                say_update(
                    status,
                    false,
                    Reason::UpdateFailed,
                    format!("plan {} failed{why}", plan.id),
                    observed,
                );
            }
            if let Some(detail) = detail.filter(|detail| detail.error.contains("unknown task type")) {
                facts::say_task_unknown(status, observed, &detail.type_);
            }
        }
    }
    status.plan = Some(plan);
}

fn say_update(status: &mut SeiNodeStatus, truth: bool, reason: Reason, message: String, observed: &Observed) {
    let statement = Statement::new(ConditionType::NodeUpdateInProgress, truth, reason, message);
    conditions::set(&mut status.conditions, statement, observed.node.metadata.generation, observed.now);
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
