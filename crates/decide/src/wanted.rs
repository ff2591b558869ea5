//! Which plan a node needs now: the stored one, a new one, or none.

use sei_api::{
    SeiNodeStatus,
    conditions::Reason,
    v1alpha1::{NodePhase, PlanPhase, TaskPlan},
};
use sei_plan::{Persisted, Plan, Purpose, TaskKind, build, is_asked_anew, is_outdated, replan, retry_wanted};

use crate::{objects::seid_image, observed::Observed, obstacle::Obstacle, sidecar::Health};

/// What is to become of the plan.
pub(crate) enum Wanted {
    Run(Box<Plan<Persisted>>),
    New(Box<TaskPlan>),
    Drop,
    Nothing,
}

pub(crate) fn wanted(
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
            _ if !((is_outdated(plan.stored(), node) || leads_nowhere(observed, &plan))
                && at_boundary(observed, &plan)) =>
            {
                Wanted::Run(Box::new(plan))
            }
            _ => match replan(node, plan.stored(), plan_id) {
                Some(plan) => Wanted::New(Box::new(plan)),
                None => Wanted::Drop,
            },
        };
    }
    if observed.tls.as_ref().is_some_and(|tls| !tls.is_ready()) {
        return Wanted::Nothing;
    }
    match obstacle {
        Some(Obstacle { reason: Reason::DataVolumeLost, .. })
            if is_asked_anew(status.plan.as_ref(), node) =>
        {
            return new(Some(build::init(node, plan_id)));
        }
        Some(_) => return Wanted::Nothing,
        None => {}
    }
    let last = status.plan.as_ref();
    let failed = last.filter(|plan| plan.phase == PlanPhase::Failed);
    match (status.phase, failed) {
        (Some(NodePhase::Terminating | NodePhase::Unknown), _) => Wanted::Nothing,
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
            let restarted = observed.sidecar.says(Health::NotReady);
            // What a plan gave up is not begun again by itself.
            let gave_up = |purpose| failed.is_some_and(|plan| Purpose::of(plan) == purpose);
            if drifted && !gave_up(Purpose::Update) {
                new(Some(build::update(node, plan_id)))
            } else if restarted && !gave_up(Purpose::MarkReady) {
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
/// any more, or has nothing to lose. That a task is not noted as submitted does not mean that it was not: of those
/// the sidecar is asked first, and what it does not know it is not given any more.
fn at_boundary(observed: &Observed, plan: &Plan<Persisted>) -> bool {
    plan.current().is_none_or(|(_, task)| match TaskKind::from_wire(&task.type_) {
        Some(TaskKind::MarkReady | TaskKind::SnapshotUpload) | None => true,
        Some(kind) if kind.runs_in_sidecar() => {
            let waits = task.waiting_since.is_some() || task.next_attempt_at.is_some();
            waits && !observed.sidecar.works_on(&task.id)
        }
        Some(_) => true,
    })
}

/// Whether a plan of the Go controller leads nowhere: the spec changed before we saw it, so that the image that was
/// applied is not the one that is asked for; or the first pod is to have TLS, and as that controller writes it, it
/// takes no task.
fn leads_nowhere(observed: &Observed, plan: &Plan<Persisted>) -> bool {
    let applied = observed.children.stateful_set.as_deref().and_then(seid_image);
    let is_other = applied.is_some_and(|image| image != observed.node.spec.image);
    let refuses = plan.stored().failed_phase.is_some() && observed.node.spec.tls().is_some();
    let (has_job, has_set) =
        (plan.is_done(TaskKind::DeployBootstrapJob), plan.is_done(TaskKind::ApplyStatefulSet));
    plan.is_adopted() && ((has_set && is_other) || ((has_job || has_set) && refuses))
}
