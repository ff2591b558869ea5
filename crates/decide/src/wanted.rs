//! Which plan a node needs now: the stored one, a new one, or none.

use jiff::SignedDuration;
use sei_api::{
    SeiNode, SeiNodeStatus,
    labels::retry_request,
    v1alpha1::{NodePhase, PlanPhase, TaskPlan},
};
use sei_node::Node;
use sei_plan::{
    OfKind, Persisted, Plan, PlanInputs, Purpose, TaskKind, build, is_outdated, reissue, replan, retry_wanted,
};

use crate::{
    objects::{JobState, job_state, seid_image},
    observed::Observed,
    obstacle::{Obstacle, may_start_over, misses_claim},
    pods::trouble,
    sidecar::Health,
    sidecar_rollout::Turn,
};

/// How long a first plan waits without an observed claim before it ensures the claim again.
const CLAIM_MISSED: SignedDuration = SignedDuration::from_secs(30);

/// What to do with the plan.
pub(crate) enum Wanted {
    Run(Box<Plan<Persisted>>),
    New(Box<TaskPlan>),
    /// A plan that waits for the SeiNodeTask that holds the node.
    AfterTask,
    Drop,
    Nothing,
}

pub(crate) fn wanted(
    observed: &Observed,
    node: &Node<'_>,
    status: &SeiNodeStatus,
    obstacle: Option<&Obstacle>,
    inputs: &PlanInputs,
    plan_id: &str,
) -> Wanted {
    let object = node.object;
    if object.spec.is_paused() {
        return Wanted::Nothing;
    }
    let is_taken = status.node_task.is_some();
    let new = |plan: Option<TaskPlan>| match plan {
        None => Wanted::Nothing,
        Some(plan) if is_taken && !may_run_during_a_node_task(&plan) => Wanted::AfterTask,
        Some(plan) => Wanted::New(Box::new(plan)),
    };
    if may_start_over(observed) {
        let inputs = PlanInputs { is_stale: true, ..inputs.clone() };
        return new(Some(build::init_on(node, &inputs, plan_id)));
    }
    if let Some(mut plan) = Plan::load(object) {
        plan.adopt(inputs);
        plan.correct_times(observed.now);
        if plan.is_done(TaskKind::DeployBootstrapJob)
            && observed.job_of(&plan).map(job_state) == Some(JobState::Complete)
        {
            plan.end_bootstrap();
        }
        if misses_its_claim(observed, &plan) {
            plan.repeat(&[TaskKind::EnsureDataPvc]);
        }
        if has_another_pod(observed, &plan) {
            plan.repeat(&[TaskKind::ObserveImage]);
        }
        // The fault is reported; the started plan does not change until it is corrected.
        if obstacle.is_some_and(Obstacle::holds_plans) {
            return Wanted::Nothing;
        }
        let is_on_other_volume =
            Purpose::of(plan.stored()) == Purpose::Init && plan.is_on_other_volume(inputs);
        let is_over = is_outdated(plan.stored(), object)
            || cannot_complete(observed, &plan)
            || has_former_sidecar(observed, &plan, inputs);
        if is_on_other_volume {
            return new(reissue(node, plan.stored(), inputs, plan_id, (observed.now, 0.0)));
        }
        if is_over && at_boundary(observed, &plan) {
            return match replan(node, plan.stored(), inputs, plan_id) {
                Some(plan) => Wanted::New(Box::new(during_node_task(plan, node, status, plan_id))),
                None => Wanted::Drop,
            };
        }
        return Wanted::Run(Box::new(plan));
    }
    if obstacle.is_some() || observed.tls.as_ref().is_some_and(|tls| !tls.is_ready()) {
        return Wanted::Nothing;
    }
    let failed = status.plan.as_ref().filter(|plan| plan.phase == PlanPhase::Failed);
    match (status.phase, failed) {
        (Some(NodePhase::Terminating | NodePhase::Paused | NodePhase::Unknown), _) => Wanted::Nothing,
        (Some(NodePhase::Failed), Some(failed)) | (Some(NodePhase::Running), Some(failed))
            if retry_wanted(failed, object) =>
        {
            new(replan(node, failed, inputs, plan_id))
        }
        (Some(NodePhase::Failed), None) if retry_request(object).is_some() => {
            new(Some(build::init_on(node, inputs, plan_id)))
        }
        (Some(NodePhase::Failed), _) => Wanted::Nothing,
        (Some(NodePhase::Running), failed) => {
            let off_image = status.current_image.as_deref() != Some(object.spec.image.as_str());
            let restarted = observed.sidecar.reports(Health::NotReady);
            let is_due = off_image
                || inputs.is_stale
                || inputs.reconfigures
                || observed.sidecar_turn == Some(Turn::Now);
            let is_due = is_due && !update_stands_failed(status, object);
            if is_due && !is_taken {
                new(Some(build::update_on(node, inputs, plan_id)))
            } else if restarted && !failed.is_some_and(|plan| failed_on_this_pod(plan, observed)) {
                new(Some(build::mark_ready(node, plan_id)))
            } else if is_due {
                Wanted::AfterTask
            } else {
                Wanted::Nothing
            }
        }
        (None | Some(NodePhase::Pending | NodePhase::Initializing), _) => {
            new(Some(build::init_on(node, inputs, plan_id)))
        }
    }
}

/// Whether a plan may run while a SeiNodeTask holds the node: only one that lets seid start after its sidecar
/// restarted, since otherwise the operation would wait for seid forever.
fn may_run_during_a_node_task(plan: &TaskPlan) -> bool {
    Purpose::of(plan) == Purpose::MarkReady
}

/// The plan that replaces another one: `plan`, or one that may run while a SeiNodeTask holds the node.
pub(crate) fn during_node_task(
    plan: TaskPlan,
    node: &Node<'_>,
    status: &SeiNodeStatus,
    plan_id: &str,
) -> TaskPlan {
    match status.node_task.is_some() && !may_run_during_a_node_task(&plan) {
        true => build::mark_ready(node, plan_id),
        false => plan,
    }
}

/// Whether the required update has failed permanently and no retry was requested since.
pub(crate) fn update_stands_failed(status: &SeiNodeStatus, node: &SeiNode) -> bool {
    status.failed_update.as_ref().is_some_and(|failed| {
        failed.image == node.spec.image
            && failed.generation == node.metadata.generation
            && failed.retry.as_deref() == retry_request(node)
    })
}

/// Whether mark-ready has failed permanently on the current pod.
fn failed_on_this_pod(plan: &TaskPlan, observed: &Observed) -> bool {
    let pod = observed.children.pod.as_deref().and_then(|pod| pod.metadata.uid.as_deref());
    let failed_on = plan.failed_task_detail.as_ref().and_then(|detail| detail.object_uid.as_deref());
    Purpose::of(plan) == Purpose::MarkReady && failed_on.is_some() && failed_on == pod
}

/// Whether a plan may be replaced: no task is running in the sidecar, its pod fails, or the running one can no longer be
/// reached or can be abandoned. The recorded state of a task may lag behind the sidecar: one that responds is queried first, and a
/// task unknown to it is no longer submitted. `mark-ready` can be abandoned on a Running node. In a first plan it lets
/// seid start with the configuration of that plan, so that changing it later takes an update.
fn at_boundary(observed: &Observed, plan: &Plan<Persisted>) -> bool {
    plan.current().is_none_or(|(_, task)| match task.kind() {
        Some(TaskKind::SnapshotUpload) | None => true,
        Some(TaskKind::MarkReady) if Purpose::of(plan.stored()) != Purpose::Init => true,
        Some(kind) if kind.runs_in_sidecar() => {
            let is_out_of_reach = task.waiting_since.is_some() && observed.sidecar.trouble.is_some();
            let is_between_attempts = plan.backoff_remaining(observed.now).is_some();
            // A sidecar that does not respond may be running the task, unless its pod is known to fail.
            let is_at_work = observed.sidecar.works_on(&task.id) && !(is_out_of_reach && fails(observed));
            (is_out_of_reach || is_between_attempts) && !is_at_work
        }
        Some(_) => true,
    })
}

/// Whether the pod of the sidecar does not run, such as in a crash loop.
fn fails(observed: &Observed) -> bool {
    let pods = [&observed.children.pod, &observed.children.bootstrap_pod];
    let mut current =
        pods.into_iter().flatten().filter(|pod| pod.metadata.uid.as_ref() == observed.sidecar.pod.as_ref());
    current.any(|pod| trouble(pod).is_some())
}

/// Whether the claim of a first plan seems to be missing: no pod uses it, and the plan has waited for a while. Only the
/// task that ensures the claim can confirm that, since a cache may lag; on another claim the plan starts over.
fn misses_its_claim(observed: &Observed, plan: &Plan<Persisted>) -> bool {
    let children = &observed.children;
    let mut pods = [&children.pod, &children.bootstrap_pod].into_iter().flatten();
    let waits_since = plan.current().and_then(|(_, task)| Some(task.waiting_since.as_ref()?.0));
    Purpose::of(plan.stored()) == Purpose::Init
        && observed.claim.is_none()
        && pods.all(|pod| misses_claim(observed, pod))
        && waits_since.is_some_and(|since| observed.now.duration_since(since) >= CLAIM_MISSED)
}

/// Whether the observed pod is not the one that the plan has rolled out: it has been replaced since, or the cache lags.
fn has_another_pod(observed: &Observed, plan: &Plan<Persisted>) -> bool {
    let pod = observed.children.pod.as_deref().and_then(|pod| pod.metadata.uid.as_deref());
    plan.object_of(TaskKind::ObserveImage).zip(pod).is_some_and(|(known, pod)| known != pod)
}

/// Whether an update has applied a sidecar image that is no longer requested, while the nodes of its chain get the
/// requested one: the old image may be why the update does not complete.
fn has_former_sidecar(observed: &Observed, plan: &Plan<Persisted>, inputs: &PlanInputs) -> bool {
    let applied = plan.stored().sidecar_image.as_ref();
    Purpose::of(plan.stored()) == Purpose::Update
        && observed.sidecar_turn == Some(Turn::Now)
        && applied.is_some_and(|applied| inputs.sidecar_image.as_ref() != Some(applied))
}

/// Whether a plan of the Go controller cannot complete: the spec changed before this operator observed it, so that the
/// applied image is not the requested one; or the first pod must have TLS, and the pod rendered by that controller
/// accepts no tasks.
fn cannot_complete(observed: &Observed, plan: &Plan<Persisted>) -> bool {
    let applied = observed.children.stateful_set.as_deref().and_then(seid_image);
    let is_other = applied.is_some_and(|image| image != observed.node.spec.image);
    let refuses = plan.stored().failed_phase.is_some() && observed.node.spec.tls().is_some();
    let (has_job, has_set) =
        (plan.is_done(TaskKind::DeployBootstrapJob), plan.is_done(TaskKind::ApplyStatefulSet));
    plan.is_adopted() && ((has_set && is_other) || ((has_job || has_set) && refuses))
}
