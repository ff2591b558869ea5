//! State shared by the passes over a node and its actor: what is requested of the sidecar, and its known state. Each
//! side holds the lock only for a few assignments.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use sei_decide::{Answer, SeidStatus, Sidecar, TaskProgress, TaskReport, TaskResult};
use sei_deployment::Halt;
use sei_sidecar::TaskRequest;
use tokio::sync::Notify;
use tracing::Span;
use uuid::Uuid;

use super::{schedule::Once, target::Target};
use crate::heights::{Awaited, SeidSource};

/// A task to query, and to submit if the sidecar does not know it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Order {
    pub(crate) id: Uuid,
    /// Number of retries before this attempt.
    pub(crate) retries: i64,
    /// Whether this attempt is known to have been submitted.
    pub(crate) was_submitted: bool,
    /// Whether only this process can have submitted the task, because it has made the plan.
    pub(crate) is_new: bool,
    /// Whether the task makes the sidecar ready, which another client may be holding back.
    pub(crate) marks_ready: bool,
    /// Whether a task that the sidecar has had is never submitted again, even if the sidecar no longer knows it.
    pub(crate) once: bool,
    /// Another task type that the sidecar has to support, or else its release is too old.
    pub(crate) needs_type: Option<&'static str>,
    /// The task to submit; without it the sidecar is only queried.
    pub(crate) request: Option<TaskRequest>,
}

/// What a pass requests of a sidecar besides the ordered task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Queries {
    /// Probe the health periodically.
    pub(crate) health: bool,
    /// Query the height of seid periodically.
    pub(crate) seid: bool,
    /// The node's ID, once per pod.
    pub(crate) node_id: bool,
    /// Whether these task types are supported, once per pod.
    pub(crate) task_types: Vec<&'static str>,
}

/// What is requested, and what is known.
#[derive(Default)]
pub(super) struct State {
    /// The sidecar's address; `None` if there is none to call.
    pub(super) target: Option<Target>,
    /// What a pass requests besides the ordered task.
    pub(super) queries: Queries,
    /// Counts the events after which everything is queried again immediately.
    pub(super) events: u64,
    pub(super) order: Option<Order>,
    /// The span of the pass that placed the order, until its first call.
    pub(super) cause: Option<Span>,
    /// A pass is active and may withdraw the order: nothing is submitted meanwhile.
    pub(super) suspended: bool,
    pub(super) known: Sidecar,
    /// The height at which seid must halt, and its progress towards it.
    pub(super) awaited: Option<Awaited>,
    pub(super) halt: Halt,
}

/// The state of one actor, and how it is woken.
pub(super) type ActorState = (Mutex<State>, Notify);

/// The shared state. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<ActorState>);

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere cannot leave it inconsistent: every access is a few assignments.
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the actor: the request has changed.
    pub(super) fn notify(&self) {
        self.0.1.notify_one();
    }

    pub(super) async fn notified(&self) {
        self.0.1.notified().await;
    }

    pub(super) fn downgrade(&self) -> Weak<ActorState> {
        Arc::downgrade(&self.0)
    }

    /// Where the last status of seid can be read.
    pub(super) fn seid_source(&self) -> Weak<dyn SeidSource> {
        let asked: Arc<dyn SeidSource> = Arc::clone(&self.0) as _;
        Arc::downgrade(&asked)
    }
}

impl From<Arc<ActorState>> for Shared {
    fn from(state: Arc<ActorState>) -> Self {
        Self(state)
    }
}

impl SeidSource for ActorState {
    fn seid(&self) -> Option<SeidStatus> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.known.seid.as_ref()?.value.clone()
    }

    fn await_halt(&self, awaited: Option<Awaited>) -> Halt {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.awaited != awaited {
            (state.awaited, state.halt) = (awaited, Halt::Unknown);
            self.1.notify_one();
        }
        state.halt
    }
}

impl Order {
    /// Whether `other` is the same attempt of the same task.
    pub(super) fn is_attempt_of(&self, other: &Self) -> bool {
        (self.id, self.retries) == (other.id, other.retries)
    }

    /// A report of this progress.
    pub(super) fn report(&self, progress: TaskProgress, result: Option<TaskResult>) -> TaskReport {
        TaskReport { id: self.id.to_string(), retries: self.retries, progress, result }
    }
}

impl State {
    /// Whether calls to `target` are still useful.
    pub(super) fn is_at(&self, target: &Target) -> bool {
        self.target.as_ref().is_some_and(|current| current.pod == target.pod)
    }

    /// The one-time queries that still lack a result.
    pub(super) fn unknown(&self, target: &Target) -> Vec<Once> {
        let known = &self.known;
        let asks_id = self.queries.node_id && known.node_id.is_none();
        let types = self.queries.task_types.iter().filter(|type_| !known.task_types.contains_key(*type_));
        let asks_plain_port =
            target.is_verified() && known.health.is_some() && known.plain_port_answers.is_none();
        let id = asks_id.then_some(Once::NodeId).into_iter();
        let plain_port = asks_plain_port.then_some(Once::PlainPort);
        id.chain(types.map(|kind| Once::TaskType(kind))).chain(plain_port).collect()
    }

    /// Whether the state of `order` is known.
    pub(super) fn reports(&self, order: &Order) -> bool {
        self.known.progress(&order.id.to_string(), order.retries).is_some()
    }

    /// Starts the submission of `order`, unless a pass has withdrawn it or may do so.
    pub(super) fn begin_submission(&mut self, order: &Order, at: jiff::Timestamp) -> bool {
        let stands =
            !self.suspended && self.order.as_ref().is_some_and(|current| current.is_attempt_of(order));
        if stands {
            self.known.task = Some(Answer { at, value: order.report(TaskProgress::Submitted, None) });
        }
        stands
    }
}
