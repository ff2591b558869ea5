//! Events: derived from the difference between two statuses, so that each transition is reported once.

use sei_api::{
    SeiNodeTask, SeiNodeTaskStatus,
    events::{Event, EventReason},
    v1alpha1::task::{NodeTaskPhase, NodeTaskResult},
};

/// The events about `task` between two of its statuses.
pub fn events(task: &SeiNodeTask, before: &SeiNodeTaskStatus, after: &SeiNodeTaskStatus) -> Vec<Event> {
    if before.phase == after.phase {
        return Vec::new();
    }
    let (node, operation) = (&task.spec.node_ref.name, after.operation.as_deref().unwrap_or("the operation"));
    let started = before.start_time.is_none() && after.start_time.is_some();
    let started = started.then(|| {
        let note = format!("{operation} has started on SeiNode {node}");
        Event::normal(EventReason::NodeTaskStarted, note)
    });
    let ended = match after.phase {
        Some(NodeTaskPhase::Complete) => {
            let result = after.result.as_ref().map(described).unwrap_or_default();
            let note = format!("{operation} on SeiNode {node} is complete{result}");
            Some(Event::normal(EventReason::NodeTaskComplete, note))
        }
        Some(NodeTaskPhase::Failed) => {
            let error = after.error.as_deref().unwrap_or_default();
            let note = format!("{operation} on SeiNode {node} failed: {error}");
            Some(Event::warning(EventReason::NodeTaskFailed, note))
        }
        _ => None,
    };
    started.into_iter().chain(ended).collect()
}

/// `: uploaded, height 7`.
fn described(result: &NodeTaskResult) -> String {
    let NodeTaskResult { outcome, height, key, tx_hash, proposal_id } = result;
    let parts = [
        outcome.clone(),
        height.map(|height| format!("height {height}")),
        key.as_ref().map(|key| format!("key {key}")),
        tx_hash.as_ref().map(|hash| format!("transaction {hash}")),
        proposal_id.map(|number| format!("proposal {number}")),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) }
}
