//! Tasks that the sidecar does: asked for first, submitted only when it does not know them or when a failed
//! attempt is deliberately repeated.

use futures::{FutureExt, future::BoxFuture};
use jiff::Timestamp;
use kube::ResourceExt;
use sei_api::{SeiNode, conditions::Reason, names, v1alpha1::PlannedTask};
use sei_plan::{Outcome, Persisted, Plan, SidecarTask, TaskError, TaskKind, is_outdated};
use sei_sidecar::{Client, Error, Health, TaskRecord, TaskRequest, TaskState};
use uuid::Uuid;

use super::{
    bootstrap::{self, JobState},
    ceremony,
};
use crate::{
    context::Context,
    neighbours::Peers,
    observe::{Observed, pod_is_ready, pod_trouble},
};

/// The sidecar of one node.
pub(crate) struct Sidecar {
    client: Client,
    /// With the trust before the current one: until the proxy has reloaded a renewed certificate it serves the
    /// old one, which was trusted a moment ago.
    before: Option<Client>,
}

impl Sidecar {
    /// Clients for `node`, or why there are none.
    pub(crate) fn of(ctx: &Context, node: &SeiNode) -> Result<Self, String> {
        let url = names::sidecar_url(node);
        let connect = || -> Result<Option<Self>, Error> {
            if node.spec.tls().is_none() {
                return Ok(Some(Self { client: ctx.transport.plain(&url)?, before: None }));
            }
            let trusts = ctx.memory(node, |memory| memory.trusts.clone());
            let Some((current, rest)) = trusts.split_first() else { return Ok(None) };
            let before = rest.first().map(|trust| ctx.transport.verified(&url, trust)).transpose()?;
            Ok(Some(Self { client: ctx.transport.verified(&url, current)?, before }))
        };
        match connect() {
            Ok(Some(sidecar)) => Ok(sidecar),
            Ok(None) => Err("the sidecar is not called: since the operator started no certificate of the TLS Secret was accepted".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    pub(crate) async fn healthz(&self) -> Result<Health, Error> {
        self.trusting(|client| client.healthz().boxed()).await
    }

    async fn task(&self, id: Uuid) -> Result<Option<TaskRecord>, Error> {
        self.trusting(move |client| client.task(id).boxed()).await
    }

    async fn submit(&self, request: &TaskRequest) -> Result<(), Error> {
        self.trusting(|client| client.submit(request).boxed()).await
    }

    async fn trusting<'a, T>(
        &'a self,
        call: impl Fn(&'a Client) -> BoxFuture<'a, Result<T, Error>>,
    ) -> Result<T, Error> {
        match (call(&self.client).await, &self.before) {
            (Err(refused @ Error::Untrusted { .. }), Some(before)) => call(before).await.map_err(|_| refused),
            (answer, _) => answer,
        }
    }
}

/// What the sidecar's record calls for.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Completed,
    Running,
    Submit,
    Failed(String),
}

/// Judges the record of a task of which `retries` attempts were repeated. A failure counts when this attempt
/// was seen to be submitted, or when the sidecar's own count of runs says so: the operator may have ended
/// between submitting and writing that down.
fn judge(record: Option<&TaskRecord>, retries: i64, submitted: Option<Timestamp>) -> Verdict {
    let Some(record) = record else { return Verdict::Submit };
    match record.status {
        TaskState::Completed => Verdict::Completed,
        TaskState::Running => Verdict::Running,
        TaskState::Failed => {
            let of_this_attempt = submitted.is_some() || retries == 0 || record.run == Some(retries + 1);
            let error = record.error.clone().filter(|error| !error.is_empty());
            match of_this_attempt {
                true => Verdict::Failed(error.unwrap_or_else(|| "the sidecar gives no reason".to_owned())),
                false => Verdict::Submit,
            }
        }
    }
}

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
    match judge(record.as_ref(), retries, submitted) {
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
    let job = observed.children.job.as_deref().map(bootstrap::state);
    if plan.ahead(TaskKind::AwaitBootstrapComplete) && job == Some(JobState::Complete) {
        return Outcome::Done;
    }
    match sidecar.healthz().await {
        Ok(Health::Ready) => {}
        // It restarted since: this id never runs again, a new one has to.
        Ok(Health::NotReady) => return Outcome::Reissue,
        Err(error) => return unanswered(observed, plan, &SidecarTask::MarkReady, &error),
    }
    let is_update = plan.stored().tasks.iter().any(|task| task.type_ == TaskKind::ObserveImage.as_str());
    let pod = observed.children.pod.as_deref();
    if is_update && !pod.is_some_and(pod_is_ready) {
        let name = names::pod(&observed.node);
        let why = pod.and_then(pod_trouble).unwrap_or_else(|| "seid has to catch up".to_owned());
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
        match observed.children.job.as_deref().map(bootstrap::state) {
            Some(JobState::Failed(error)) => return Outcome::Rejected { error },
            Some(JobState::Complete) if *task == SidecarTask::MarkReady => return Outcome::Done,
            Some(JobState::Complete | JobState::Running) => {}
            None => return Outcome::Reissue,
        }
    }
    let children = &observed.children;
    let in_bootstrap = plan.ahead(TaskKind::AwaitBootstrapComplete);
    let pod = if in_bootstrap { &children.bootstrap_pod } else { &children.pod };
    let trouble = pod.as_deref().and_then(|pod| Some((pod.name_any(), pod_trouble(pod)?)));
    match trouble.filter(|_| reason == Reason::SidecarUnreachable) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn record(status: TaskState, run: Option<i64>) -> TaskRecord {
        TaskRecord {
            id: Uuid::nil(),
            type_: "config-apply".to_owned(),
            status,
            run,
            error: Some("boom".to_owned()),
        }
    }

    #[test]
    fn only_a_failure_of_this_attempt_counts() {
        let failed = |run| record(TaskState::Failed, run);
        let boom = || Verdict::Failed("boom".to_owned());
        let now = Some(Timestamp::UNIX_EPOCH);
        for (record, retries, submitted, verdict) in [
            (None, 0, None, Verdict::Submit),
            (None, 2, now, Verdict::Submit),
            (Some(record(TaskState::Running, Some(1))), 0, None, Verdict::Running),
            (Some(record(TaskState::Completed, Some(1))), 0, None, Verdict::Completed),
            (Some(failed(Some(1))), 0, None, boom()),
            (Some(failed(Some(1))), 1, None, Verdict::Submit),
            (Some(failed(Some(2))), 1, None, boom()),
            (Some(failed(Some(40))), 0, None, boom()),
            (Some(failed(Some(40))), 1, None, Verdict::Submit),
            (Some(failed(Some(41))), 1, now, boom()),
            (Some(failed(None)), 1, None, Verdict::Submit),
            (Some(failed(None)), 1, now, boom()),
        ] {
            assert_eq!(judge(record.as_ref(), retries, submitted), verdict, "{record:?} {retries}");
        }
    }
}
