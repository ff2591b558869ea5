//! `Ready` and `Stalled`: a summary of everything else in two conditions, so that `kubectl wait`, GitOps
//! tools and on-call engineers can assess a node without knowing its internals.

use std::time::Duration;

use sei_api::{
    SeiNodeStatus,
    conditions::{self, ConditionType, ReadyReason, Reason, StalledReason, Statement},
    names,
    v1alpha1::{NodePhase, PlanPhase, PlannedTask, TaskPlan, TaskStatus},
};
use sei_plan::{OfKind, Outcome, TaskKind, retry_wanted, wait_limit};

use crate::{
    events::failure,
    missing_pod,
    observed::Observed,
    obstacle::Obstacle,
    pods::{is_ready, trouble},
    wanted::update_stands_failed,
};

pub(crate) fn summarize(
    observed: &Observed,
    status: &mut SeiNodeStatus,
    obstacle: Option<&Obstacle>,
    last: Option<&Outcome>,
    failed_repairs: &[String],
    awaits_task: bool,
    is_behind: bool,
) {
    let stalled = stalled(observed, status, obstacle);
    let (is_ready, reason, message) = match &stalled {
        Some((reason, message)) => (false, Reason::ReadyWhileStalled(*reason), message.clone()),
        None => match ready(observed, status, last, awaits_task) {
            (true, ..) if is_behind => {
                let message = "the spec changed during the last plan";
                (false, ReadyReason::PlanInProgress.into(), message.to_owned())
            }
            (true, ..) if !failed_repairs.is_empty() => {
                (false, ReadyReason::WriteRefused.into(), failed_repairs.join("; "))
            }
            (is_ready, reason, message) => (is_ready, reason.into(), message),
        },
    };
    let generation = observed.node.metadata.generation;
    let message = match &stalled {
        Some(_) if observed.node.spec.is_paused() => format!("{message}; {}", paused(observed, status)),
        _ => message,
    };
    let statement = Statement::new(is_ready, reason, message);
    conditions::set(&mut status.conditions, statement, generation, observed.now);
    match stalled {
        Some((reason, message)) => {
            let statement = Statement::new(true, reason, message);
            conditions::set(&mut status.conditions, statement, generation, observed.now);
        }
        // Abnormal-true: tools read its absence as "not stalled".
        None => conditions::remove(&mut status.conditions, ConditionType::Stalled),
    }
}

type Verdict = (bool, ReadyReason, String);

fn stalled(
    observed: &Observed,
    status: &SeiNodeStatus,
    obstacle: Option<&Obstacle>,
) -> Option<(StalledReason, String)> {
    if let Some(obstacle) = obstacle {
        return Some((obstacle.reason, obstacle.message.clone()));
    }
    if let Some(failed) =
        status.failed_update.as_ref().filter(|_| update_stands_failed(status, &observed.node))
    {
        return Some((StalledReason::PlanFailed, failure(&failed.task, &failed.error)));
    }
    let plan = status.plan.as_ref()?;
    if plan.phase == PlanPhase::Failed && !retry_wanted(plan, &observed.node) {
        let detail = plan.failed_task_detail.as_ref();
        let (task, error) = detail.map_or(("unknown", "unknown"), |detail| (&detail.type_, &detail.error));
        return Some((StalledReason::PlanFailed, failure(task, error)));
    }
    let (_, task) = current(plan).filter(|_| !observed.node.spec.is_paused())?;
    let kind = task.kind()?;
    let since = task.waiting_since.as_ref().or(task.submitted_at.as_ref())?.0;
    let waited = Duration::try_from(observed.now.duration_since(since)).ok()?;
    let limit = wait_limit(kind);
    (waited > limit).then(|| {
        let message = format!(
            "task {} has been waiting since {since}, longer than its limit of {} min; check the pod and the sidecar log. The operator keeps retrying",
            task.type_,
            limit.as_secs() / 60
        );
        (StalledReason::WaitingTooLong, message)
    })
}

fn ready(observed: &Observed, status: &SeiNodeStatus, last: Option<&Outcome>, awaits_task: bool) -> Verdict {
    if observed.node.spec.is_paused() {
        return (false, ReadyReason::Paused, paused(observed, status));
    }
    if let Some(plan) = status.plan.as_ref().filter(|plan| plan.phase == PlanPhase::Active) {
        return in_plan(observed, plan, last);
    }
    if let Some(task) = status.node_task.as_ref().filter(|_| awaits_task) {
        let message = format!(
            "an update is waiting for SeiNodeTask {0}, which is running on the node; delete {0} to start the update now",
            task.name
        );
        return (false, ReadyReason::WaitingForTask, message);
    }
    if let Some(tls) = observed.tls.as_ref().filter(|tls| !tls.is_ready()) {
        return (false, ReadyReason::WaitingForTlsSecret, tls.message.clone());
    }
    if status.phase != Some(NodePhase::Running) {
        return (false, ReadyReason::PlanInProgress, "creating the first plan".to_owned());
    }
    if let Some(sidecar) = status.condition(ConditionType::SidecarReady)
        && !conditions::is_true(Some(sidecar))
    {
        return match missing_pod::problem(observed, false) {
            Some(problem) => (false, ReadyReason::WaitingForPod, problem),
            None => (false, ReadyReason::SidecarUnreachable, sidecar.message.clone()),
        };
    }
    // A pod that the watch has not reported yet does not contradict a sidecar that responds.
    match observed.children.pod.as_deref().filter(|pod| !is_ready(pod)) {
        Some(pod) => {
            let name = names::pod(&observed.node);
            let why = trouble(pod).unwrap_or_else(|| "seid is catching up".to_owned());
            (false, ReadyReason::WaitingForPod, format!("pod {name} is not ready: {why}"))
        }
        None => {
            let message = match status.condition(ConditionType::SpecHonored) {
                Some(_) => {
                    "the node is running; condition SpecHonored lists fields of its spec that are not in effect"
                }
                None => "the node is running and matches its spec",
            };
            (true, ReadyReason::NodeReady, message.to_owned())
        }
    }
}

fn in_plan(observed: &Observed, plan: &TaskPlan, last: Option<&Outcome>) -> Verdict {
    let Some((index, task)) = current(plan) else {
        return (false, ReadyReason::PlanInProgress, "completing the plan".to_owned());
    };
    let place = position(plan, index, task);
    // What the next attempt waits for is more informative than why the last one failed.
    if let Some(Outcome::Waiting { reason, detail }) = last {
        let problem = pod_problem(*reason, observed, plan);
        return match problem {
            Some(problem) => (false, ReadyReason::WaitingForPod, format!("{place}: {problem}")),
            None => (false, *reason, format!("{place}: {detail}")),
        };
    }
    if let (Some(next), Some(error)) = (&task.next_attempt_at, &task.error) {
        let message = format!("{place} failed and will be retried at {}: {error}", next.0);
        return (false, ReadyReason::TaskRetrying, message);
    }
    match last {
        Some(Outcome::Requested) => {
            (false, ReadyReason::SidecarTaskRunning, format!("{place}: waiting for the sidecar to respond"))
        }
        Some(Outcome::Submitted | Outcome::Running) => {
            (false, ReadyReason::SidecarTaskRunning, format!("{place}: running in the sidecar"))
        }
        _ => (false, ReadyReason::PlanInProgress, place),
    }
}

/// The field that pauses the node, and what remains to be done after that.
fn paused(observed: &Observed, status: &SeiNodeStatus) -> String {
    let field = match (observed.node.spec.is_stopped(), &observed.children.pod) {
        (true, Some(_)) => {
            format!("spec.stopped is true: waiting for pod {} to end", names::pod(&observed.node))
        }
        (true, None) => "spec.stopped is true, and the pod is gone".to_owned(),
        (false, _) => "spec.paused is true".to_owned(),
    };
    let plan = status.plan.as_ref().and_then(|plan| Some((plan, current(plan)?)));
    match plan {
        Some((plan, (index, task))) => {
            format!(
                "{field}; the plan is paused at {}, and drift is not reverted",
                position(plan, index, task)
            )
        }
        None => format!("{field}; no plan starts, and drift is not reverted"),
    }
}

fn position(plan: &TaskPlan, index: usize, task: &PlannedTask) -> String {
    format!("task {} ({} of {})", task.type_, index + 1, plan.tasks.len())
}

/// The problem of the pod that explains a wait for `reason`.
fn pod_problem(reason: ReadyReason, observed: &Observed, plan: &TaskPlan) -> Option<String> {
    let is_ahead =
        |task: &PlannedTask| task.is(TaskKind::AwaitBootstrapComplete) && task.status != TaskStatus::Complete;
    let of_bootstrap = plan.tasks.iter().any(is_ahead);
    match reason {
        ReadyReason::SidecarUnreachable | ReadyReason::WaitingForPod => {
            missing_pod::problem(observed, of_bootstrap)
        }
        ReadyReason::WaitingForBootstrap if of_bootstrap => missing_pod::problem(observed, true),
        _ => None,
    }
}

fn current(plan: &TaskPlan) -> Option<(usize, &PlannedTask)> {
    let active = plan.phase == PlanPhase::Active;
    plan.tasks.iter().enumerate().find(|(_, task)| active && task.status != TaskStatus::Complete)
}
