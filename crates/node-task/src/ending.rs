//! The changes of the status when a task starts, waits or ends.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use sei_api::{
    SeiNodeTaskStatus,
    task_conditions::{self, ConditionType, ReadyReason, Reason, StalledReason},
    v1alpha1::task::NodeTaskPhase,
};

use crate::{observed::Observed, waiting::Waiting};

pub(crate) fn wait(observed: &Observed, status: &mut SeiNodeTaskStatus, (reason, message): Waiting) {
    set_condition(observed, status, false, reason.into(), &message);
}

pub(crate) fn complete(observed: &Observed, status: &mut SeiNodeTaskStatus, message: &str) {
    status.phase = Some(NodeTaskPhase::Complete);
    status.completion_time = Some(Time(observed.now));
    set_condition(observed, status, true, ReadyReason::TaskComplete.into(), message);
}

pub(crate) fn fail(
    observed: &Observed,
    status: &mut SeiNodeTaskStatus,
    reason: StalledReason,
    message: &str,
) {
    status.phase = Some(NodeTaskPhase::Failed);
    status.completion_time = Some(Time(observed.now));
    status.error = Some(message.to_owned());
    set_condition(observed, status, false, Reason::ReadyWhileStalled(reason), message);
    set_condition(observed, status, true, reason.into(), message);
}

/// Removes the report that the task could not be decoded.
pub(crate) fn decoded(status: &mut SeiNodeTaskStatus) {
    if let Some(conditions) = &mut status.conditions {
        conditions.retain(|condition| condition.type_ != ConditionType::Stalled.as_str());
    }
}

fn set_condition(
    observed: &Observed,
    status: &mut SeiNodeTaskStatus,
    truth: bool,
    reason: Reason,
    message: &str,
) {
    let generation = observed.task.metadata.generation;
    task_conditions::set(&mut status.conditions, truth, reason, message, generation, observed.now);
}
