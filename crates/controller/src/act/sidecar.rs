//! Tasks that the sidecar does: asked for first, submitted only when it does not know them or when a failed
//! attempt is deliberately repeated.

use kube::ResourceExt;
use sei_api::{conditions::Reason, names, v1alpha1::PlannedTask};
use sei_decide::{
    Observed,
    attempt::{Record, State, Verdict, judge},
    neighbours::Peers,
    objects::{JobState, is_ready, job_state, trouble},
};
use sei_plan::{Outcome, Persisted, Plan, Purpose, SidecarTask, TaskError, TaskKind, is_outdated};
use sei_sidecar::{Error, Health, TaskRecord, TaskRequest, TaskState};
use uuid::Uuid;

use super::ceremony;
use crate::{context::Context, sidecar::Sidecar};

pub(super) async fn step(
    ctx: &Context,
    observed: &Observed,
    plan: &Plan<Persisted>,
    planned: &PlannedTask,
    task: &SidecarTask,
) -> Outcome {
    let Ok(id) = Uuid::parse_str(&planned.id) else {
        return Outcome::Rejected { error: format!("task id {:?} is not a UUID", planned.id) };
    };
    let sidecar = match Sidecar::of(ctx, &observed.node) {
        Ok(sidecar) => sidecar,
        Err(detail) => return Outcome::Waiting { reason: Reason::SidecarUnreachable, detail },
    };
    let record = match sidecar.task(id).await {
        Ok(record) => record,
        Err(error) => return unanswered(observed, plan, task, &error),
    };
    let retries = planned.retry_count.unwrap_or(0);
    let submitted = planned.submitted_at.as_ref().map(|time| time.0);
    match judge(record.map(known).as_ref(), retries, submitted) {
        Verdict::Running if endless(task) => Outcome::Done,
        Verdict::Running => Outcome::Running,
        Verdict::Completed if *task == SidecarTask::MarkReady => ready(observed, plan, &sidecar).await,
        Verdict::Completed => ceremony::after(ctx, observed, planned, task).await.unwrap_or(Outcome::Done),
        Verdict::Failed(error) => {
            Outcome::AttemptFailed { error: ceremony::explain(ctx, observed, task, error).await }
        }
        // Not a task of a spec that is no more.
        Verdict::Submit if is_outdated(plan.stored(), &observed.node) => Outcome::Reissue,
        Verdict::Submit => {
            if let Some(waiting) = ceremony::before(ctx, observed, planned, task).await {
                return waiting;
            }
            let peers = observed.peers.clone().unwrap_or_default();
            let params = match task.request_params(&peers.running) {
                Ok(params) => params,
                Err(error @ TaskError::NoPeers) => return without_peers(&peers, &error),
                Err(error) => return Outcome::Rejected { error: error.to_string() },
            };
            let request = TaskRequest { id, type_: planned.type_.clone(), params };
            match sidecar.submit(&request).await {
                Ok(()) => Outcome::Submitted,
                Err(error) => unanswered(observed, plan, task, &error),
            }
        }
    }
}

fn known(record: TaskRecord) -> Record {
    let state = match record.status {
        TaskState::Completed => State::Completed,
        TaskState::Running => State::Running,
        TaskState::Failed => State::Failed,
    };
    Record { state, run: record.run, error: record.error }
}

/// Nobody to connect to runs. A peer's id is asked of its seid, which starts only when its own plan is through: of
/// nodes that look for each other one has to go without, and the others connect to it.
fn without_peers(peers: &Peers, error: &TaskError) -> Outcome {
    let detail = match peers.all.as_slice() {
        _ if peers.comes_first => return Outcome::Done,
        [] => error.to_string(),
        all => format!("none of the peers that spec.peers finds runs yet: {}", all.join(", ")),
    };
    Outcome::Waiting { reason: Reason::WaitingForPeers, detail }
}

/// A snapshot upload runs for the life of the sidecar: that it runs is all there is to see.
fn endless(task: &SidecarTask) -> bool {
    *task == SidecarTask::SnapshotUpload
}

/// mark-ready has completed: the sidecar must say so itself, and after an update the pod too.
async fn ready(observed: &Observed, plan: &Plan<Persisted>, sidecar: &Sidecar) -> Outcome {
    // seid runs once the sidecar is ready, and ends with the Job.
    let job = observed.children.job.as_deref().map(job_state);
    if plan.ahead(TaskKind::AwaitBootstrapComplete) && job == Some(JobState::Complete) {
        return Outcome::Done;
    }
    match sidecar.healthz().await {
        Ok(Health::Ready) => {}
        // It restarted since: this id never runs again, a new one has to.
        Ok(Health::NotReady) => return Outcome::Reissue,
        Err(error) => return unanswered(observed, plan, &SidecarTask::MarkReady, &error),
    }
    let is_update = Purpose::of(plan.stored()) == Purpose::Update;
    let pod = observed.children.pod.as_deref();
    if is_update && !pod.is_some_and(is_ready) {
        let name = names::pod(&observed.node);
        let why = pod.and_then(trouble).unwrap_or_else(|| "seid has to catch up".to_owned());
        let detail = format!("pod {name} runs the new image and is not ready yet: {why}");
        return Outcome::Waiting { reason: Reason::WaitingForPod, detail };
    }
    Outcome::Done
}

/// The sidecar did not do what was asked. While the bootstrap Job is what should answer, its end says more.
fn unanswered(observed: &Observed, plan: &Plan<Persisted>, task: &SidecarTask, error: &Error) -> Outcome {
    let reason = match error {
        Error::BadRequest { message } if is_final(message) => {
            return Outcome::Rejected { error: format!("the sidecar refuses the task: {message}") };
        }
        Error::BadRequest { message } => {
            return Outcome::AttemptFailed { error: format!("the sidecar refuses the task: {message}") };
        }
        Error::Unauthorized { .. } | Error::Forbidden { .. } | Error::Token { .. } => {
            Reason::SidecarAccessDenied
        }
        _ => Reason::SidecarUnreachable,
    };
    if plan.ahead(TaskKind::AwaitBootstrapComplete) && reason == Reason::SidecarUnreachable {
        match observed.children.job.as_deref().map(job_state) {
            Some(JobState::Failed(error)) => return Outcome::Rejected { error },
            Some(JobState::Complete) if *task == SidecarTask::MarkReady => return Outcome::Done,
            Some(JobState::Complete | JobState::Running) => {}
            None => return Outcome::Reissue,
        }
    }
    let children = &observed.children;
    let in_bootstrap = plan.ahead(TaskKind::AwaitBootstrapComplete);
    let pod = if in_bootstrap { &children.bootstrap_pod } else { &children.pod };
    let blamed = pod.as_deref().and_then(|pod| Some((pod.name_any(), trouble(pod)?)));
    match blamed.filter(|_| reason == Reason::SidecarUnreachable) {
        Some((name, why)) => {
            let detail = format!("pod {name} does not run: {why}");
            Outcome::Waiting { reason: Reason::WaitingForPod, detail }
        }
        None => Outcome::Waiting { reason, detail: error.to_string() },
    }
}

/// The sidecar answers 400 also when its store fails, so only what it says about the request itself is final.
fn is_final(message: &str) -> bool {
    ["unknown task type", "invalid request body", "type is required", "must be a valid UUID"]
        .iter()
        .any(|text| message.contains(text))
}
