//! Events: derived from the difference between two statuses, so that each transition is reported once.

use sei_api::{
    SeiNodeStatus,
    conditions::{ConditionType, StalledReason, Truth},
    events::{Event, EventReason},
    labels,
    v1alpha1::{NodePhase, PlanPhase, TaskPlan, TaskStatus},
};
use sei_plan::Purpose;

/// The events between two statuses, most important first.
pub fn between(before: &SeiNodeStatus, after: &SeiNodeStatus) -> Vec<Event> {
    let mut events = Vec::new();
    tls_secret(before, after, &mut events);
    plan(before, after, &mut events);
    sidecar(before, after, &mut events);
    events.extend(node_task(before, after));
    stalled(before, after, &mut events);
    events.extend(phase(before, after));
    events
}

/// A change of the phase, with the plan that caused it. The creation of a node and the start of its first
/// plan are not reported: the status shows them, and the event would cost a request for each new node.
fn phase(before: &SeiNodeStatus, after: &SeiNodeStatus) -> Option<Event> {
    let phase = after.phase.filter(|_| before.phase != after.phase)?;
    let first = matches!(before.phase, None | Some(NodePhase::Pending));
    if first && matches!(phase, NodePhase::Pending | NodePhase::Initializing) {
        return None;
    }
    let from = before.phase.map_or("nothing", NodePhase::as_str);
    let plan = completed(before, after).map(|plan| format!(": {}", completion(plan)));
    let note = format!("phase changed from {from} to {}{}", phase.as_str(), plan.unwrap_or_default());
    let failed = phase == NodePhase::Failed;
    Some(if failed { Event::warning } else { Event::normal }(EventReason::PhaseTransition, note))
}

/// A SeiNodeTask got hold of the node. The task itself reports its end.
fn node_task(before: &SeiNodeStatus, after: &SeiNodeStatus) -> Option<Event> {
    let task = after.node_task.as_ref().filter(|task| before.node_task.as_ref() != Some(task))?;
    let note = format!("SeiNodeTask {} runs on the node; no update starts before it has finished", task.name);
    Some(Event::normal(EventReason::NodeTaskStarted, note))
}

/// The plan that was completed between two statuses.
fn completed<'a>(before: &SeiNodeStatus, after: &'a SeiNodeStatus) -> Option<&'a TaskPlan> {
    let was = before.plan.as_ref();
    let same = |plan: &TaskPlan| was.is_some_and(|was| was.id == plan.id && was.phase == plan.phase);
    after.plan.as_ref().filter(|plan| plan.phase == PlanPhase::Complete && !same(plan))
}

fn completion(plan: &TaskPlan) -> String {
    format!("plan {} is complete: {}", plan.id, task_types(plan))
}

fn task_types(plan: &TaskPlan) -> String {
    let types: Vec<_> = plan.tasks.iter().map(|task| task.type_.as_str()).collect();
    types.join(", ")
}

/// Status and reason of a condition; a mere change of the message is not reported.
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
    // A failed plan has a separate event, with the same text.
    let has_event = reason == Some(StalledReason::PlanFailed.as_str());
    if is == Some(Truth::True.as_str()) && was != reason && !has_event {
        events.push(Event::warning(EventReason::Stalled, message));
    }
}

fn plan(before: &SeiNodeStatus, after: &SeiNodeStatus, events: &mut Vec<Event>) {
    let Some(plan) = &after.plan else { return };
    let was = before.plan.as_ref().filter(|was| was.id == plan.id);
    // The first plan of a node is reported when it ends.
    if was.is_none() && (before.plan.is_some() || Purpose::of(plan) != Purpose::Init) {
        let note = format!("plan {}: {}", plan.id, task_types(plan));
        events.push(Event::normal(EventReason::PlanStarted, note));
    }
    for (index, task) in plan.tasks.iter().enumerate() {
        let earlier = was.and_then(|was| was.tasks.get(index)).and_then(|was| was.retry_count).unwrap_or(0);
        let retries = task.retry_count.unwrap_or(0);
        if task.status == TaskStatus::Pending && retries > earlier {
            let (error, limit) = (task.error.as_deref().unwrap_or_default(), task.max_retries.unwrap_or(0));
            let note = format!("{} failed and will be retried ({retries} of {limit}): {error}", task.type_);
            events.push(Event::warning(EventReason::TaskRetrying, note));
        }
    }
    // A plan that changes the phase is reported with it.
    if before.phase == after.phase
        && let Some(plan) = completed(before, after)
    {
        events.push(Event::normal(EventReason::PlanCompleted, completion(plan)));
    }
    if let Some(detail) = &plan.failed_task_detail
        && plan.phase == PlanPhase::Failed
        && was.is_none_or(|was| was.phase != plan.phase)
    {
        events.push(Event::warning(EventReason::PlanFailed, failure(&detail.type_, &detail.error)));
    }
}

/// Describes a failed plan, for the event and the condition.
pub(crate) fn failure(task: &str, error: &str) -> String {
    format!(
        "task {task} failed: {error}; change the spec, or set annotation {} to a new value to retry",
        labels::RETRY_ANNOTATION
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn status(phase: Option<&str>, plan: Option<(&str, &str)>) -> SeiNodeStatus {
        let task = json!({ "type": "ensure-data-pvc", "id": "t", "status": "Pending" });
        let plan = plan.map(|(id, phase)| json!({ "id": id, "phase": phase, "tasks": [task] }));
        let mut status = json!({ "plan": plan.unwrap_or(Value::Null) });
        if let Some(phase) = phase {
            status["phase"] = phase.into();
        }
        serde_json::from_value(status).unwrap()
    }

    #[test]
    fn the_first_plan_of_a_node_is_one_event_at_its_end() {
        let (none, pending) = (status(None, None), status(Some("Pending"), None));
        let active = status(Some("Initializing"), Some(("p", "Active")));
        let running = status(Some("Running"), Some(("p", "Complete")));
        let seen = |before, after| {
            let events = between(before, after).into_iter();
            events.map(|event| (event.reason.as_str(), event.note)).collect::<Vec<_>>()
        };
        assert_eq!(seen(&none, &pending), []);
        assert_eq!(seen(&pending, &active), []);
        let note = "phase changed from Initializing to Running: plan p is complete: ensure-data-pvc";
        assert_eq!(seen(&active, &running), [("PhaseTransition", note.to_owned())]);
        assert_eq!(seen(&running, &running), []);
    }

    #[test]
    fn a_plan_that_replaces_another_is_reported() {
        let (first, second) = (
            status(Some("Initializing"), Some(("p", "Active"))),
            status(Some("Initializing"), Some(("q", "Active"))),
        );
        let events = between(&first, &second);
        assert_eq!(events, [Event::normal(EventReason::PlanStarted, "plan q: ensure-data-pvc")]);
    }
}
