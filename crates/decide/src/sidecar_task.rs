//! The state of a sidecar task and the next request to the sidecar: a function of the observed state.

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use sei_api::{conditions::ReadyReason, names, v1alpha1::PlannedTask};
use sei_plan::{
    Outcome, Persisted, Plan, Purpose, SidecarTask, TaskError, TaskKind, is_misconfigured, is_outdated,
};
use serde_json::Value;

use crate::{
    early_start::{has_started_early, is_ready_early},
    neighbours::Peers,
    objects::{JobState, job_state},
    observed::Observed,
    pods::{is_ready, trouble},
    sidecar::{Health, Refusal, TaskProgress, Trouble, TroubleKind},
};

/// How long an update waits for the sidecar of the pod that it replaces.
const SILENT: SignedDuration = SignedDuration::from_secs(60);

/// What to do about a sidecar task.
#[derive(Clone, Debug, PartialEq)]
pub enum SidecarStep {
    /// It has this outcome.
    Ended(Outcome),
    /// The sidecar has completed it.
    Completed,
    /// This attempt failed, with this error.
    Failed(String),
    /// Query the sidecar for it, and report this outcome meanwhile.
    Query(Outcome),
    /// Query the sidecar for it, and submit it with these parameters if it is unknown to the sidecar.
    Submit {
        /// Parameters of the request.
        params: Option<Value>,
        /// The outcome to report meanwhile.
        meanwhile: Outcome,
    },
}

/// Decides about `planned`, the current task of `plan`, whose typed form is `task`. With `asks_first` it is submitted
/// only after the sidecar has reported it as unknown.
pub fn sidecar_step(
    observed: &Observed,
    plan: &Plan<Persisted>,
    planned: &PlannedTask,
    task: &SidecarTask,
    asks_first: bool,
) -> SidecarStep {
    let is_update = Purpose::of(plan.stored()) == Purpose::Update;
    let progress = observed.sidecar.progress_of(planned);
    let said = match progress {
        Some(TaskProgress::Completed) if *task == SidecarTask::MarkReady => {
            return SidecarStep::Ended(ready(observed, plan));
        }
        // seid starts with this configuration in a later pod; in this one it may already have started.
        Some(TaskProgress::Completed)
            if task.kind() == TaskKind::ConfigValidate
                && plan.has_later(TaskKind::ReplacePod)
                && (!is_update || is_reconfigured(observed)) =>
        {
            let pod = observed.sidecar.pod.clone();
            return SidecarStep::Ended(pod.map_or(Outcome::Done, |uid| Outcome::DoneOn { uid }));
        }
        Some(TaskProgress::Completed) => return SidecarStep::Completed,
        // Without a response from EC2 a running node keeps its peers.
        Some(TaskProgress::Failed(_)) if is_update && task.kind() == TaskKind::DiscoverPeers => {
            return SidecarStep::Ended(Outcome::Done);
        }
        Some(TaskProgress::Failed(error)) => return SidecarStep::Failed(error.clone()),
        // Peers are configured without it, by this plan or by the one that replaces it. A running node keeps those that
        // nothing else finds.
        Some(TaskProgress::Refused(Refusal::TaskUnknown, _)) if task.kind() == TaskKind::DiscoverPeers => {
            let is_done = plan.writes_peers() || (is_update && !task.has_other_sources());
            return SidecarStep::Ended(if is_done { Outcome::Done } else { Outcome::Reissue });
        }
        Some(TaskProgress::Refused(refusal, message)) => {
            return SidecarStep::Ended(refused(*refusal, message));
        }
        // A snapshot upload runs for the life of the sidecar, so the task is complete when it is running.
        Some(TaskProgress::Running) if *task == SidecarTask::SnapshotUpload => {
            return SidecarStep::Ended(Outcome::Done);
        }
        // Do not submit a task of an outdated spec.
        Some(TaskProgress::Unknown | TaskProgress::Lost | TaskProgress::Held)
            if is_outdated(plan.stored(), &observed.node) =>
        {
            return SidecarStep::Ended(Outcome::Reissue);
        }
        // The next plan replaces the pod.
        Some(TaskProgress::Unknown) if has_started_early(observed, plan.stored()) => {
            return SidecarStep::Ended(Outcome::Reissue);
        }
        Some(TaskProgress::Running) => Outcome::Running,
        Some(TaskProgress::Submitted) => Outcome::Submitted,
        Some(TaskProgress::Held) => {
            let detail = "a mark-not-ready task holds the sidecar: to release it, submit a mark-ready task to the sidecar";
            Outcome::Waiting { reason: ReadyReason::SidecarHeld, detail: detail.to_owned() }
        }
        Some(TaskProgress::Unknown | TaskProgress::Lost) | None => Outcome::Requested,
    };
    let since = planned.waiting_since.as_ref().map(|since| since.0);
    let meanwhile = match &observed.sidecar.trouble {
        Some(_)
            if plan.is_incomplete(TaskKind::ReplacePod)
                && is_update
                && has_timed_out(since, observed.now) =>
        {
            Outcome::Reissue
        }
        Some(trouble) => unanswered(observed, plan, trouble),
        None => said,
    };
    if matches!(meanwhile, Outcome::Done | Outcome::Rejected { .. } | Outcome::Reissue | Outcome::JobLost) {
        return SidecarStep::Ended(meanwhile);
    }
    let asks_first = asks_first || is_ready_early(observed, plan.stored());
    let only_asks = is_outdated(plan.stored(), &observed.node) || (asks_first && progress.is_none());
    if only_asks {
        return SidecarStep::Query(meanwhile);
    }
    let peers = observed.peers.clone().unwrap_or_default();
    let is_needed = plan.has_later(TaskKind::ConfigureStateSync) && !task.has_other_peers();
    let waits = task.has_label_peers() && !is_update && peers.are_awaited(is_needed, since, observed.now);
    match task.clone().after(planned.error.as_deref()).request_params(&peers.addresses) {
        Ok(params) if !waits => SidecarStep::Submit { params, meanwhile },
        Ok(_) | Err(TaskError::NoPeers) => without_peers(&peers, waits, meanwhile, progress),
        Err(error) => SidecarStep::Ended(Outcome::Rejected { error: error.to_string() }),
    }
}

/// Whether the configuration of the running seid is changed.
fn is_reconfigured(observed: &Observed) -> bool {
    observed.node.status.as_ref().is_some_and(|status| is_misconfigured(&observed.node, status))
}

/// Whether an update has waited long enough for a sidecar that does not respond: the update may be what repairs it, so
/// the sidecar of the next pod writes the configuration.
fn has_timed_out(since: Option<Timestamp>, now: Timestamp) -> bool {
    since.is_some_and(|since| now.duration_since(since) >= SILENT)
}

/// The IDs of peers are not known yet, or there are no peers. Only a task unknown to the sidecar can still wait or be
/// skipped.
fn without_peers(
    peers: &Peers,
    waits: bool,
    meanwhile: Outcome,
    progress: Option<&TaskProgress>,
) -> SidecarStep {
    if progress != Some(&TaskProgress::Unknown) || meanwhile != Outcome::Requested {
        return SidecarStep::Query(meanwhile);
    }
    if !waits {
        return SidecarStep::Ended(Outcome::Done);
    }
    let detail = match peers.silent.as_slice() {
        [] => "no SeiNode matches the label selectors of spec.peers, and state sync needs a peer".to_owned(),
        silent => format!(
            "the sidecars of peers that spec.peers selects have not reported their node IDs yet: {}",
            silent.join(", ")
        ),
    };
    SidecarStep::Query(Outcome::Waiting { reason: ReadyReason::WaitingForPeers, detail })
}

/// mark-ready has completed: the sidecar must report ready, and after an update the pod as well.
fn ready(observed: &Observed, plan: &Plan<Persisted>) -> Outcome {
    // seid runs once the sidecar is ready, and ends with the Job.
    let job = observed.job_of(plan).map(job_state);
    if plan.has_later(TaskKind::AwaitBootstrapComplete) && job == Some(JobState::Complete) {
        return Outcome::Done;
    }
    if let Some(trouble) = &observed.sidecar.trouble {
        return unanswered(observed, plan, trouble);
    }
    if !observed.sidecar.reports(Health::Ready) {
        // It restarted after that: a task with this ID never runs again, so a new ID is needed.
        return Outcome::Reissue;
    }
    let is_update = Purpose::of(plan.stored()) == Purpose::Update;
    let pod = observed.pod_of(plan);
    if is_update && !pod.is_some_and(is_ready) {
        let name = names::pod(&observed.node);
        let why = pod.and_then(trouble).unwrap_or_else(|| "seid is catching up".to_owned());
        let detail = format!("pod {name} runs the new image but is not ready yet: {why}");
        return Outcome::Waiting { reason: ReadyReason::WaitingForPod, detail };
    }
    Outcome::Done
}

/// The sidecar does not respond. If it belongs to the bootstrap Job, the result of the Job is more informative.
fn unanswered(observed: &Observed, plan: &Plan<Persisted>, of: &Trouble) -> Outcome {
    if of.kind == TroubleKind::AccessDenied {
        return Outcome::Waiting { reason: ReadyReason::SidecarAccessDenied, detail: of.message.clone() };
    }
    let in_bootstrap = plan.has_later(TaskKind::AwaitBootstrapComplete);
    if in_bootstrap {
        match observed.job_of(plan).map(job_state) {
            Some(JobState::Failed(error)) => return Outcome::Rejected { error },
            // seid ran, so every preceding task was completed, although that may not be recorded.
            Some(JobState::Complete) => return Outcome::Done,
            Some(JobState::Running) => {}
            None => return Outcome::JobLost,
        }
    }
    let children = &observed.children;
    let pod = if in_bootstrap { children.bootstrap_pod.as_deref() } else { observed.pod_of(plan) };
    match pod.and_then(|pod| Some((pod.name_any(), trouble(pod)?))) {
        Some((name, why)) => {
            let detail = format!("pod {name} is not running: {why}");
            Outcome::Waiting { reason: ReadyReason::WaitingForPod, detail }
        }
        None if of.kind == TroubleKind::NoPod => {
            Outcome::Waiting { reason: ReadyReason::WaitingForPod, detail: of.message.clone() }
        }
        None => Outcome::Waiting { reason: ReadyReason::SidecarUnreachable, detail: of.message.clone() },
    }
}

/// The sidecar answered 400. It also does so when its store fails, so only errors about the request itself
/// are permanent.
fn refused(refusal: Refusal, message: &str) -> Outcome {
    let error = format!("the sidecar rejected the task: {message}");
    match refusal {
        Refusal::TaskUnknown => Outcome::TaskUnknown { error },
        Refusal::Malformed => Outcome::Rejected { error },
        Refusal::Other => Outcome::AttemptFailed { error },
    }
}
