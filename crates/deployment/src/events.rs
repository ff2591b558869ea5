//! Events: derived from the difference of two statuses, so that each transition is reported once.

use sei_api::{
    SeiNodeDeploymentStatus,
    conditions::is_true,
    deployment_conditions::{CeremonyReason, ConditionType, ProgressingReason},
    events::{Event, EventReason},
    v1alpha1::deployment::DeploymentPhase,
};

/// The events between two statuses, most useful first.
pub fn events(before: &SeiNodeDeploymentStatus, after: &SeiNodeDeploymentStatus) -> Vec<Event> {
    let all = [
        rollout(before, after),
        traffic(before, after),
        ceremony(before, after),
        stalled(before, after),
        phase(before, after),
    ];
    all.into_iter().flatten().collect()
}

fn reason(status: &SeiNodeDeploymentStatus, kind: ConditionType) -> &str {
    status.condition(kind).map_or("", |condition| condition.reason.as_str())
}

fn message(status: &SeiNodeDeploymentStatus, kind: ConditionType) -> &str {
    status.condition(kind).map_or("", |condition| condition.message.as_str())
}

fn rollout(before: &SeiNodeDeploymentStatus, after: &SeiNodeDeploymentStatus) -> Option<Event> {
    let progress = ConditionType::Progressing;
    let updating = |status| reason(status, progress) == ProgressingReason::UpdatingNodes.as_str();
    let is_done = [ProgressingReason::Complete, ProgressingReason::WaitingForNodes]
        .iter()
        .any(|done| reason(after, progress) == done.as_str());
    match (updating(before), updating(after)) {
        (false, true) => Some(Event::normal(EventReason::RolloutStarted, message(after, progress))),
        (true, false) if is_done => {
            Some(Event::normal(EventReason::RolloutComplete, "every SeiNode runs the template"))
        }
        _ => None,
    }
}

fn traffic(before: &SeiNodeDeploymentStatus, after: &SeiNodeDeploymentStatus) -> Option<Event> {
    let (was, is) = (before.selector.as_ref()?, after.selector.as_ref()?);
    let note = || format!("the Services now select the pods with label {is} instead of {was}");
    (was != is).then(|| Event::normal(EventReason::TrafficMoved, note()))
}

fn ceremony(before: &SeiNodeDeploymentStatus, after: &SeiNodeDeploymentStatus) -> Option<Event> {
    let kind = ConditionType::GenesisCeremonyComplete;
    if reason(before, kind) == reason(after, kind) {
        return None;
    }
    let event = match reason(after, kind) {
        now if now == CeremonyReason::CeremonyComplete.as_str() => {
            Event::normal(EventReason::GenesisCeremonyComplete, message(after, kind))
        }
        now if now == CeremonyReason::AssemblyRetrying.as_str() => {
            Event::warning(EventReason::AssemblyRetrying, message(after, kind))
        }
        _ => return None,
    };
    Some(event)
}

fn stalled(before: &SeiNodeDeploymentStatus, after: &SeiNodeDeploymentStatus) -> Option<Event> {
    let kind = ConditionType::Stalled;
    let is_news = reason(before, kind) != reason(after, kind);
    (is_news && is_true(after.condition(kind)))
        .then(|| Event::warning(EventReason::Stalled, message(after, kind)))
}

/// Phases during a start or an update are not reported: the status shows them.
fn phase(before: &SeiNodeDeploymentStatus, after: &SeiNodeDeploymentStatus) -> Option<Event> {
    let phase = after.phase.filter(|_| before.phase != after.phase)?;
    let event = match phase {
        DeploymentPhase::Ready | DeploymentPhase::Terminating => Event::normal,
        DeploymentPhase::Failed => Event::warning,
        DeploymentPhase::Degraded if before.phase == Some(DeploymentPhase::Ready) => Event::warning,
        _ => return None,
    };
    let from = before.phase.map_or("nothing", DeploymentPhase::as_str);
    let ready = message(after, ConditionType::Ready);
    Some(event(
        EventReason::PhaseTransition,
        format!("phase changed from {from} to {}: {ready}", phase.as_str()),
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A status with these reasons of `Progressing` and `Stalled`.
    fn status(phase: &str, progressing: &str, stalled: Option<&str>) -> SeiNodeDeploymentStatus {
        let condition = |kind: &str, truth: bool, reason: &str| {
            json!({
                "type": kind, "status": if truth { "True" } else { "False" }, "reason": reason,
                "message": "rpc-2 is not available", "lastTransitionTime": "2026-11-27T04:00:00Z",
            })
        };
        let conditions = [
            condition("Progressing", stalled.is_none(), progressing),
            condition("Stalled", stalled.is_some(), stalled.unwrap_or("Progressing")),
        ];
        serde_json::from_value(json!({ "phase": phase, "conditions": conditions })).unwrap()
    }

    fn reasons(before: &SeiNodeDeploymentStatus, after: &SeiNodeDeploymentStatus) -> Vec<EventReason> {
        events(before, after).into_iter().map(|event| event.reason).collect()
    }

    #[test]
    fn a_rollout_has_an_event_at_its_start_and_its_end_only() {
        let ready = status("Ready", "Complete", None);
        let updating = status("Upgrading", "UpdatingNodes", None);
        let blocked = status("Upgrading", "Blocked", Some("NodeStalled"));
        assert_eq!(reasons(&ready, &updating), [EventReason::RolloutStarted]);
        assert_eq!(reasons(&updating, &updating), []);
        assert_eq!(reasons(&updating, &blocked), [EventReason::Stalled]);
        assert_eq!(reasons(&updating, &ready), [EventReason::RolloutComplete, EventReason::PhaseTransition]);
    }

    #[test]
    fn a_ceremony_is_reported_at_its_end_and_when_an_attempt_fails() {
        let at = |reason: &str| {
            let condition = json!({
                "type": "GenesisCeremonyComplete", "status": "False", "reason": reason, "message": "",
                "lastTransitionTime": "2026-11-27T04:00:00Z",
            });
            serde_json::from_value::<SeiNodeDeploymentStatus>(json!({ "conditions": [condition] })).unwrap()
        };
        let [waiting, assembling] = ["WaitingForValidators", "AssemblingGenesis"].map(at);
        let [retrying, complete] = ["AssemblyRetrying", "CeremonyComplete"].map(at);
        assert_eq!(reasons(&waiting, &assembling), []);
        assert_eq!(reasons(&assembling, &retrying), [EventReason::AssemblyRetrying]);
        assert_eq!(reasons(&retrying, &retrying), []);
        assert_eq!(reasons(&assembling, &complete), [EventReason::GenesisCeremonyComplete]);
    }

    #[test]
    fn traffic_that_moves_is_reported() {
        let of = |selector: Option<&str>| SeiNodeDeploymentStatus {
            selector: selector.map(str::to_owned),
            ..SeiNodeDeploymentStatus::default()
        };
        let (none, blue, green) = (of(None), of(Some("l=rpc")), of(Some("l=rpc.green")));
        assert_eq!(reasons(&none, &blue), []);
        assert_eq!(reasons(&blue, &blue), []);
        assert_eq!(reasons(&blue, &green), [EventReason::TrafficMoved]);
    }

    #[test]
    fn a_new_group_has_no_event_before_it_is_ready() {
        let none = SeiNodeDeploymentStatus::default();
        let pending = status("Pending", "CreatingNodes", None);
        let starting = status("Initializing", "WaitingForNodes", None);
        assert_eq!(reasons(&none, &pending), []);
        assert_eq!(reasons(&pending, &starting), []);
        assert_eq!(reasons(&starting, &status("Degraded", "WaitingForNodes", None)), []);
        assert_eq!(reasons(&starting, &status("Ready", "Complete", None)), [EventReason::PhaseTransition]);
    }
}
