//! Sidecars as watched sources: an actor for each node calls its sidecar, and passes read its observations. No pass
//! ever waits for a sidecar; an unresponsive one costs only a connection.

mod actor;
mod calls;
mod connection;
mod directory;
mod halt;
#[cfg(test)]
mod hung;
mod permits;
mod rhythm;
mod schedule;
mod state;
mod target;
#[cfg(test)]
mod tests;
mod token;
mod trusted;

use std::{sync::Arc, time::Duration};

use kube::runtime::reflector::ObjectRef;
use sei_api::{SeiNode, names};
use sei_decide::{Health, Sidecar, Trouble};
use sei_sidecar::Transport;
use tokio::{sync::mpsc::UnboundedSender, task::JoinHandle};
use tracing::Span;

pub(crate) use directory::Directory;
pub(crate) use permits::Permits;
pub(crate) use state::{Order, Queries};
pub(crate) use target::{Target, fingerprint};
pub(crate) use token::Tokens;

use crate::metrics::Metrics;
use actor::{Actor, Report};
use connection::Dialer;
use state::Shared;

/// State shared by the actors of a scope.
pub(crate) struct Sidecars {
    pub(crate) transport: Transport,
    pub(crate) tokens: Tokens,
    pub(crate) permits: Permits,
    pub(crate) metrics: Arc<Metrics>,
    /// Requeues nodes whose sidecar changed.
    pub(crate) wake: UnboundedSender<ObjectRef<SeiNode>>,
    /// The addresses of the watched sidecars.
    pub(crate) directory: Directory,
}

impl Sidecars {
    /// Starts watching the sidecar of `node`, whose health has been unchanged for `unchanged_for`.
    pub(crate) fn watch(&self, node: &SeiNode, unchanged_for: Duration) -> Watched {
        let shared = Shared::default();
        let report = NodeReport {
            node: ObjectRef::new(names::node(node)).within(names::namespace(node)),
            wake: self.wake.clone(),
            metrics: Arc::clone(&self.metrics),
        };
        self.metrics.heights().add(&report.node, shared.seid_source());
        self.directory.add(&report.node, &shared);
        self.spawn(shared, report, unchanged_for)
    }

    /// Starts another actor for a watched sidecar, which only follows the tasks that are ordered from it. `changed` is
    /// called on every new observation.
    pub(crate) fn follow(&self, changed: impl Fn() + Send + 'static) -> Watched {
        self.spawn(Shared::default(), Follower(changed), Duration::ZERO)
    }

    /// The last address at which the passes over `node` reached its sidecar.
    pub(crate) fn target(&self, node: &SeiNode) -> Option<Target> {
        self.directory.target(&ObjectRef::new(names::node(node)).within(names::namespace(node)))
    }

    fn spawn(&self, shared: Shared, report: impl Report, unchanged_for: Duration) -> Watched {
        let dialer = Dialer::new(self.transport.clone(), self.tokens.clone(), Arc::clone(&self.metrics));
        let actor = Actor::new(shared.clone(), dialer, self.permits.clone(), report, unchanged_for);
        Watched { shared, fingerprint: None, ordered: None, task: tokio::spawn(actor.run()) }
    }
}

/// The actor of one node; it ends when this is dropped.
pub(crate) struct Watched {
    shared: Shared,
    fingerprint: Option<String>,
    /// The order placed by the active pass.
    ordered: Option<Order>,
    task: JoinHandle<()>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watched {
    /// Starts a pass: sets the target, or the reason why there is none, and returns the known state of the sidecar.
    /// Nothing is submitted until the pass ends. If `fingerprint` changes, the actor queries everything again
    /// immediately.
    pub(crate) fn begin_pass(
        &mut self,
        target: Result<Target, Trouble>,
        fingerprint: Option<String>,
        queries: Queries,
    ) -> Sidecar {
        let mut state = self.shared.lock();
        state.suspended = true;
        self.ordered = None;
        let pod = target.as_ref().ok().map(|target| target.pod.clone());
        let (target, trouble) = match target {
            Ok(target) => (Some(target), None),
            Err(trouble) => (None, Some(trouble)),
        };
        if target.is_none() || state.known.pod != pod {
            state.known = Sidecar { pod, trouble, ..Sidecar::default() };
        }
        let restarted = self.fingerprint != fingerprint;
        let differs = state.target != target || state.queries != queries || restarted;
        state.target = target;
        state.queries = queries;
        state.events = state.events.wrapping_add(u64::from(restarted));
        self.fingerprint = fingerprint;
        if differs {
            self.shared.notify();
        }
        state.known.clone()
    }

    /// The node's ID in the peer-to-peer network, as last reported by its sidecar.
    pub(crate) fn node_id(&self) -> Option<String> {
        self.shared.lock().known.node_id.clone()
    }

    /// Orders a task: it is queried, and submitted if necessary, after the pass has ended.
    pub(crate) fn order(&mut self, order: Order) {
        self.ordered = Some(order);
    }

    /// Ends a pass whose status is stored: a task that is submitted before the completion of the previous one is stored
    /// would be unknown to a plan that replaces this one. Tasks that the pass did not order are no longer followed.
    pub(crate) fn end_pass(&mut self) {
        let mut state = self.shared.lock();
        state.suspended = false;
        state.order = self.ordered.take();
        state.cause = state.order.is_some().then(Span::current);
        self.shared.notify();
    }
}

/// Reports to the passes and the metrics of one node.
struct NodeReport {
    node: ObjectRef<SeiNode>,
    wake: UnboundedSender<ObjectRef<SeiNode>>,
    metrics: Arc<Metrics>,
}

impl Report for NodeReport {
    fn changed(&self) {
        // The receiver is dropped only when the controller shuts down.
        let _ = self.wake.send(self.node.clone());
    }

    fn probed(&self, health: Option<Health>) {
        self.metrics.probed(self.node.namespace.as_deref().unwrap_or_default(), health);
    }
}

/// Notifies another owner of tasks.
struct Follower<F>(F);

impl<F: Fn() + Send + 'static> Report for Follower<F> {
    fn changed(&self) {
        (self.0)();
    }

    fn probed(&self, _: Option<Health>) {}
}
