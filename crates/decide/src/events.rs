//! Events: derived from the difference of two statuses, so that each transition is reported once.

use sei_api::{
    SeiNodeStatus,
    conditions::{ConditionType, StalledReason, Truth},
    events::EventReason,
    labels,
    v1alpha1::{NodePhase, PlanPhase, TaskPlan, TaskStatus},
};

/// Whether an event asks for a person's attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// It does not.
    Normal,
    /// It does.
    Warning,
}

/// One thing that happened to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Whether it asks for attention.
    pub level: Level,
    /// One word for what happened.
    pub reason: EventReason,
    /// What happened, for a person.
    pub note: String,
}

impl Event {
    fn normal(reason: EventReason, note: impl Into<String>) -> Self {
        Self { level: Level::Normal, reason, note: note.into() }
    }

    fn warning(reason: EventReason, note: impl Into<String>) -> Self {
        Self { level: Level::Warning, reason, note: note.into() }
    }
}

/// What happened between two statuses, in the order in which a person wants to read it.
pub fn between(before: &SeiNodeStatus, after: &SeiNodeStatus) -> Vec<Event> {
    let mut events = Vec::new();
    tls_secret(before, after, &mut events);
    plan(before.plan.as_ref(), after.plan.as_ref(), &mut events);
    sidecar(before, after, &mut events);
    stalled(before, after, &mut events);
    if before.phase != after.phase
        && let Some(phase) = after.phase
    {
        let from = before.phase.map_or("nothing", NodePhase::as_str);
        let note = format!("phase changed from {from} to {}", phase.as_str());
        let failed = phase == NodePhase::Failed;
        events.push(if failed { Event::warning } else { Event::normal }(EventReason::PhaseTransition, note));
    }
    events
}

/// Status and reason of a condition; both matter to a person, the message alone does not.
fn state(status: &SeiNodeStatus, kind: ConditionType) -> (Option<&str>, Option<&str>, &str) {
    match status.condition(kind) {
        Some(it) => (Some(it.status.as_str()), Some(it.reason.as_str()), it.message.as_str()),
        None => (None, None, ""),
    }
}

fn tls_secret(before: &SeiNodeStatus, after: &SeiNodeStatus, events: &mut Vec<Event>) {
    let kind = ConditionType::SidecarTlsSecretReady;
    let (was, was_reason, _) = state(before, kind);
    let (is, reason, message) = state(after, kind);
    if is == Some(Truth::False.as_str()) && (was, was_reason) != (is, reason) {
        events.push(Event::warning(EventReason::SidecarTlsSecretNotReady, message));
    } else if is == Some(Truth::True.as_str()) && was == Some(Truth::False.as_str()) {
        events.push(Event::normal(EventReason::SidecarTlsSecretReady, message));
    }
}

fn sidecar(before: &SeiNodeStatus, after: &SeiNodeStatus, events: &mut Vec<Event>) {
    let kind = ConditionType::SidecarReady;
    let (was, _, _) = state(before, kind);
    let (is, _, message) = state(after, kind);
    if was == is {
        return;
    }
    match is {
        Some("False") => events.push(Event::warning(EventReason::SidecarReadinessLost, message)),
        Some("Unknown") => events.push(Event::warning(EventReason::SidecarUnreachable, message)),
        Some("True") if was.is_some() => {
            events.push(Event::normal(EventReason::SidecarReadinessRestored, message))
        }
        _ => {}
    }
}

fn stalled(before: &SeiNodeStatus, after: &SeiNodeStatus, events: &mut Vec<Event>) {
    let (_, was, _) = state(before, ConditionType::Stalled);
    let (is, reason, message) = state(after, ConditionType::Stalled);
    // A failed plan has its own event, with the same words.
    let told = reason == Some(StalledReason::PlanFailed.as_str());
    if is == Some(Truth::True.as_str()) && was != reason && !told {
        events.push(Event::warning(EventReason::Stalled, message));
    }
}

fn plan(before: Option<&TaskPlan>, after: Option<&TaskPlan>, events: &mut Vec<Event>) {
    let Some(after) = after else { return };
    let before = before.filter(|before| before.id == after.id);
    if before.is_none() {
        let tasks: Vec<_> = after.tasks.iter().map(|task| task.type_.as_str()).collect();
        events.push(Event::normal(
            EventReason::PlanStarted,
            format!("plan {}: {}", after.id, tasks.join(", ")),
        ));
    }
    for (index, task) in after.tasks.iter().enumerate() {
        let was = before.and_then(|before| before.tasks.get(index));
        let retries = task.retry_count.unwrap_or(0);
        if task.status == TaskStatus::Pending && retries > was.and_then(|was| was.retry_count).unwrap_or(0) {
            let (error, limit) = (task.error.as_deref().unwrap_or_default(), task.max_retries.unwrap_or(0));
            let note = format!("{} failed and is tried again ({retries} of {limit}): {error}", task.type_);
            events.push(Event::warning(EventReason::TaskRetrying, note));
        }
    }
    if before.is_some_and(|before| before.phase == after.phase) {
        return;
    }
    match (after.phase, &after.failed_task_detail) {
        (PlanPhase::Complete, _) => {
            events.push(Event::normal(EventReason::PlanCompleted, format!("plan {} is complete", after.id)));
        }
        (PlanPhase::Failed, Some(detail)) => {
            events.push(Event::warning(EventReason::PlanFailed, failure(&detail.type_, &detail.error)));
        }
        _ => {}
    }
}

/// What a person reads about a failed plan, in the event and in the condition.
pub(crate) fn failure(task: &str, error: &str) -> String {
    format!(
        "task {task} failed: {error}; change the spec, or set annotation {} to a new value to try again",
        labels::RETRY_ANNOTATION
    )
}
