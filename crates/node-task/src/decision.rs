//! The decision about a task: a total function without effects.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use sei_api::{
    SeiNodeTaskStatus,
    task_conditions::StalledReason,
    v1alpha1::task::{NodeTaskPhase, Operation},
};

use crate::{
    ending,
    observed::{Node, Observed, seconds},
    order::{Order, params, task_id},
    progress::{self, Progress, progress},
    waiting::{unavailable, waiting_for},
};

/// What happens with a task.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// The status to store, before anything is requested from the sidecar.
    pub status: SeiNodeTaskStatus,
    /// What to request from the sidecar.
    pub order: Option<Order>,
    /// Delete the object: it has been finished for long enough.
    pub expired: bool,
    /// When to decide again, at the latest.
    pub next: Option<Duration>,
}

/// Decides about one observation.
pub fn decide(observed: &Observed) -> Decision {
    let mut status = observed.status();
    match observed.phase() {
        Some(NodeTaskPhase::Complete | NodeTaskPhase::Failed) => finished(observed, status),
        // A later version of the operator runs it.
        Some(NodeTaskPhase::Unknown) => Decision { status, ..Decision::default() },
        phase => {
            status.observed_generation = observed.task.metadata.generation;
            ending::decoded(&mut status);
            let Some(operation) = observed.task.spec.operation() else {
                let message = "the spec must set exactly one operation, such as restartSeid: {}";
                return failed(observed, status, StalledReason::Rejected, message);
            };
            status.operation = Some(operation.as_str().to_owned());
            match phase {
                Some(NodeTaskPhase::Running) => started(observed, status, operation),
                _ => not_started(observed, status, operation),
            }
        }
    }
}

fn finished(observed: &Observed, mut status: SeiNodeTaskStatus) -> Decision {
    let ended = observed.stored(&mut status.completion_time);
    let left = observed.task.spec.ttl_seconds_after_finished.map(|ttl| observed.left(ended, ttl));
    let expired = left == Some(Duration::ZERO);
    Decision { status, order: None, expired, next: left.filter(|_| !expired) }
}

fn not_started(observed: &Observed, mut status: SeiNodeTaskStatus, operation: Operation<'_>) -> Decision {
    status.phase = Some(NodeTaskPhase::Pending);
    let left = observed.left_to_start();
    if let Some(waiting) = waiting_for(observed) {
        if left.is_zero() {
            let limit = observed.task.spec.start_timeout_seconds;
            let message = format!("the task was not started within {limit} s: {}", waiting.1);
            return failed(observed, status, StalledReason::StartTimedOut, &message);
        }
        ending::wait(observed, &mut status, waiting);
        return Decision { status, next: Some(left), ..Decision::default() };
    }
    let Node::Found(node) = &observed.node else { return Decision { status, ..Decision::default() } };
    status.phase = Some(NodeTaskPhase::Running);
    status.start_time = Some(Time(observed.now));
    status.task_id = Some(task_id(&observed.task).to_string());
    status.node_uid.clone_from(&node.metadata.uid);
    started(observed, status, operation)
}

fn started(observed: &Observed, mut status: SeiNodeTaskStatus, operation: Operation<'_>) -> Decision {
    let id = task_id(&observed.task);
    status.result = progress::result(&observed.sidecar, id);
    let (waiting, is_known) = match progress(&observed.sidecar, id, operation) {
        Progress::Complete => {
            ending::complete(observed, &mut status, &format!("{} is complete", operation.as_str()));
            return Decision { next: after(observed), status, ..Decision::default() };
        }
        Progress::Failed(reason, message) => return failed(observed, status, reason, &message),
        Progress::Waiting { waiting, is_known } => (waiting, is_known),
    };
    if is_known {
        status.submission_time.get_or_insert(Time(observed.now));
    }
    let started = observed.stored(&mut status.start_time);
    let left = observed.left_to_end(operation, started);
    if left.is_zero() {
        return late(observed, status, &waiting.1);
    }
    let node = match &observed.node {
        Node::Found(node) if node.metadata.uid == status.node_uid => node,
        Node::Unreadable => {
            if let Some(waiting) = waiting_for(observed) {
                ending::wait(observed, &mut status, waiting);
            }
            return Decision { next: Some(left), status, ..Decision::default() };
        }
        Node::Missing | Node::Found(_) => {
            let message = "the SeiNode was deleted while the task was running on it; the operation may have been carried out";
            return failed(observed, status, StalledReason::NodeDeleted, message);
        }
    };
    let params = match params(operation, node) {
        Ok(params) => params,
        Err(message) => return failed(observed, status, StalledReason::Rejected, &message),
    };
    let unavailable = unavailable(node);
    let order = Order {
        id,
        type_: operation.task_type(),
        params,
        needs_type: operation.needs_type(),
        submits: unavailable.is_none() && observed.has_node(),
        was_submitted: status.submission_time.is_some(),
    };
    let waiting = unavailable.filter(|_| !order.was_submitted).unwrap_or(waiting);
    ending::wait(observed, &mut status, waiting);
    Decision { status, order: Some(order), expired: false, next: Some(left) }
}

/// Ends a task that has taken too long while it was waiting for something.
fn late(observed: &Observed, status: SeiNodeTaskStatus, waiting: &str) -> Decision {
    let message = match status.submission_time {
        Some(_) => format!("not complete within the time limit, and not cancelled: {waiting}"),
        None => format!("not complete within the time limit: {waiting}"),
    };
    failed(observed, status, StalledReason::TimedOut, &message)
}

fn failed(
    observed: &Observed,
    mut status: SeiNodeTaskStatus,
    reason: StalledReason,
    message: &str,
) -> Decision {
    ending::fail(observed, &mut status, reason, message);
    Decision { next: after(observed), status, ..Decision::default() }
}

/// When a task that has just finished is deleted.
fn after(observed: &Observed) -> Option<Duration> {
    observed.task.spec.ttl_seconds_after_finished.map(seconds)
}
