//! What the passes over a node and its actor share: what is wanted of the sidecar, and what is known of it. Each side
//! holds the lock for a few assignments only.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sei_decide::{Answer, Sidecar, TaskProgress, TaskReport};
use sei_plan::TaskKind;
use sei_sidecar::TaskRequest;
use tokio::sync::Notify;
use uuid::Uuid;

use super::{schedule::Once, target::Target};

/// A task that the sidecar is asked about, and given if it does not know it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Order {
    pub(crate) id: Uuid,
    /// Failed attempts that were repeated deliberately.
    pub(crate) retries: i64,
    /// Whether this attempt is known to have been submitted.
    pub(crate) was_submitted: bool,
    /// Whether the task makes the sidecar ready, which others may have forbidden.
    pub(crate) marks_ready: bool,
    /// What to submit; without it the sidecar is only asked.
    pub(crate) request: Option<TaskRequest>,
}

/// What a pass wants to know of a sidecar besides the task that it orders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Interest {
    /// Health, from now on.
    pub(crate) health: bool,
    /// The node's ID, once for each pod.
    pub(crate) node_id: bool,
    /// Whether these task types are supported, once for each pod.
    pub(crate) task_types: Vec<TaskKind>,
}

/// What is wanted, and what is known.
#[derive(Default)]
pub(super) struct State {
    /// Where the sidecar is; `None` while there is nothing to call.
    pub(super) target: Option<Target>,
    /// What is of interest besides the task that is ordered.
    pub(super) interest: Interest,
    /// Counts the events after which everything is asked again at once.
    pub(super) events: u64,
    pub(super) order: Option<Order>,
    /// A pass is under way and may withdraw the order: nothing is submitted meanwhile.
    pub(super) suspended: bool,
    pub(super) known: Sidecar,
}

/// The shared state. Clones are the same one.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<(Mutex<State>, Notify)>);

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves it whole: every access is a few assignments.
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the actor see that something else is wanted.
    pub(super) fn notify(&self) {
        self.0.1.notify_one();
    }

    pub(super) async fn notified(&self) {
        self.0.1.notified().await;
    }
}

impl Order {
    /// Whether `other` is the same attempt of the same task.
    pub(super) fn is_attempt_of(&self, other: &Self) -> bool {
        (self.id, self.retries) == (other.id, other.retries)
    }

    /// That it is as far as `progress`.
    pub(super) fn report(&self, progress: TaskProgress) -> TaskReport {
        TaskReport { id: self.id.to_string(), retries: self.retries, progress }
    }
}

impl State {
    /// Whether the calls for `target` are still of use.
    pub(super) fn is_at(&self, target: &Target) -> bool {
        self.target.as_ref().is_some_and(|current| current.pod == target.pod)
    }

    /// What is still to be asked once.
    pub(super) fn unknown(&self, target: &Target) -> Vec<Once> {
        let known = &self.known;
        let asks_id = self.interest.node_id && known.node_id.is_none();
        let types = self.interest.task_types.iter().filter(|kind| !known.task_types.contains_key(kind));
        let asks_plain_port =
            target.is_verified() && known.health.is_some() && known.plain_port_answers.is_none();
        let id = asks_id.then_some(Once::NodeId).into_iter();
        let plain_port = asks_plain_port.then_some(Once::PlainPort);
        id.chain(types.map(|kind| Once::TaskType(*kind))).chain(plain_port).collect()
    }

    /// Whether anything is known of `order`.
    pub(super) fn reports(&self, order: &Order) -> bool {
        self.known.progress(&order.id.to_string(), order.retries).is_some()
    }

    /// Begins the submission of `order`, unless a pass has withdrawn it or may do so.
    pub(super) fn begin_submission(&mut self, order: &Order, at: jiff::Timestamp) -> bool {
        let stands =
            !self.suspended && self.order.as_ref().is_some_and(|current| current.is_attempt_of(order));
        if stands {
            self.known.task = Some(Answer { at, value: order.report(TaskProgress::Submitted) });
        }
        stands
    }
}
