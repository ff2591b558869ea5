//! What a task that has not started is waiting for.

use kube::ResourceExt;
use sei_api::{
    SeiNode,
    task_conditions::ReadyReason,
    v1alpha1::{NodePhase, PlanPhase},
};

use crate::observed::{Node, Observed};

/// A reason of `Ready` and its message.
pub(crate) type Waiting = (ReadyReason, String);

/// What the task is waiting for; `None` if it can start.
pub(crate) fn waiting_for(observed: &Observed) -> Option<Waiting> {
    let name = observed.node_name();
    match &observed.node {
        Node::Missing => Some((ReadyReason::NodeNotFound, format!("SeiNode {name} does not exist"))),
        Node::Unreadable => Some((
            ReadyReason::NodeUnreadable,
            format!("SeiNode {name} cannot be decoded; see its conditions"),
        )),
        Node::Found(node) => unavailable(node).or_else(|| busy(observed, node)),
    }
}

/// Why nothing may be submitted to a node, even for a task that holds it.
pub(crate) fn unavailable(node: &SeiNode) -> Option<Waiting> {
    let name = node.name_any();
    if node.metadata.deletion_timestamp.is_some() {
        return Some((ReadyReason::NodeDeleting, format!("SeiNode {name} is being deleted")));
    }
    node.spec.is_paused().then(|| {
        (ReadyReason::NodePaused, format!("SeiNode {name} is paused: spec.paused or spec.stopped is true"))
    })
}

fn busy(observed: &Observed, node: &SeiNode) -> Option<Waiting> {
    if observed.has_node() {
        return None;
    }
    let name = observed.node_name();
    let status = node.status.as_ref();
    if status.and_then(|status| status.plan.as_ref()).is_some_and(|plan| plan.phase == PlanPhase::Active) {
        return Some((ReadyReason::PlanInProgress, format!("a plan is in progress on SeiNode {name}")));
    }
    let phase = status.and_then(|status| status.phase);
    let required = observed.task.spec.require_phase.of_node();
    if phase != Some(required) {
        let phase = phase.map_or("not reconciled yet", NodePhase::as_str);
        let message = format!("SeiNode {name} is {phase}; the task requires phase {}", required.as_str());
        return Some((ReadyReason::WaitingForPhase, message));
    }
    let other = status.and_then(|status| status.node_task.as_ref());
    Some(match other {
        Some(other) => {
            (ReadyReason::WaitingForTask, format!("SeiNodeTask {} is running on SeiNode {name}", other.name))
        }
        None => (ReadyReason::WaitingForNode, format!("waiting for SeiNode {name} to accept the task")),
    })
}
