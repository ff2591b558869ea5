//! Metrics of the controller. Gauges describe the current state and are set from what a reconcile observes,
//! so that a restart loses nothing; counters and histograms are derived from the difference between two
//! statuses. The series of an object are removed with it.
//!
//! Names are those of the Go controller if it has the metric; `docs/metrics.md` lists them all.

mod chain;
mod groups;
mod history;
mod nodes;
mod objects;
mod passes;
mod queue;
mod sidecars;
mod tasks;
#[cfg(test)]
mod tests;
mod watches;

use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::registry::Registry;
use sei_api::{SeiNode, SeiNodeDeployment, SeiNodeStatus, SeiNodeTask};
use sei_decide::Health;

use self::{
    chain::ChainMetrics, groups::GroupMetrics, history::HistoryMetrics, nodes::NodeMetrics,
    passes::PassMetrics, queue::QueueMetrics, sidecars::SidecarMetrics, tasks::TaskMetrics,
    watches::WatchMetrics,
};
pub(crate) use self::{passes::Running, queue::Queue, watches::WatchSeries};
use crate::heights::Heights;

/// Value of label `controller`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Controller {
    /// SeiNodes.
    Nodes,
    /// SeiNodeDeployments.
    Groups,
    /// SeiNodeTasks.
    Tasks,
}

impl Controller {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Nodes => "seinode",
            Self::Groups => "seinodedeployment",
            Self::Tasks => "seinodetask",
        }
    }
}

/// The metrics of the operator. They count from the time they are registered.
#[derive(Default)]
pub struct Metrics {
    nodes: NodeMetrics,
    groups: GroupMetrics,
    tasks: TaskMetrics,
    history: HistoryMetrics,
    passes: PassMetrics,
    queues: QueueMetrics,
    sidecars: SidecarMetrics,
    watches: WatchMetrics,
    heights: Heights,
}

impl Metrics {
    /// Creates the metrics and registers them in `registry`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let sei = registry.sub_registry_with_prefix("sei_controller");
        metrics.nodes.register(sei);
        metrics.groups.register(sei);
        metrics.tasks.register(sei);
        metrics.history.register(sei);
        metrics.watches.register(sei);
        metrics.sidecars.register(sei);
        sei.register_collector(Box::new(ChainMetrics(metrics.heights.clone())));
        metrics.passes.register_errors(sei);
        metrics.passes.register(registry.sub_registry_with_prefix("controller_runtime"));
        metrics.queues.register(registry.sub_registry_with_prefix("workqueue"));
        metrics
    }

    /// Sets what a reconcile observed of `node`, and the expiry of its certificate.
    pub(crate) fn observe_node(&self, node: &SeiNode, not_after: Option<Timestamp>) {
        self.nodes.observe(node, not_after);
    }

    /// Counts what changed between two statuses of `node`; the newer one was just written.
    pub(crate) fn observe_status(
        &self,
        node: &SeiNode,
        before: &SeiNodeStatus,
        after: &SeiNodeStatus,
        now: Timestamp,
    ) {
        self.history.observe(node, before, after, now);
    }

    /// Counts a health probe of a sidecar in `namespace`; `None` if it did not respond.
    pub(crate) fn probed(&self, namespace: &str, health: Option<Health>) {
        self.history.probed(namespace, health);
    }

    /// Counts a call to a sidecar, and its `error`, if any.
    pub(crate) fn called(&self, operation: &'static str, error: Option<&sei_sidecar::Error>, took: Duration) {
        self.sidecars.called(operation, error, took);
    }

    /// Counts drift that was reverted in an object of `kind` in `namespace`.
    pub(crate) fn reverted(&self, namespace: &str, kind: &'static str) {
        self.history.reverted(namespace, kind);
    }

    /// Sets what a reconcile observed of `group`.
    pub(crate) fn observe_group(&self, group: &SeiNodeDeployment) {
        self.groups.observe(group);
    }

    /// Sets what a reconcile observed of `task`.
    pub(crate) fn observe_task(&self, task: &SeiNodeTask) {
        self.tasks.observe(task);
    }

    /// Sets whether an object of the kind that `controller` reconciles cannot be decoded.
    pub(crate) fn unreadable(&self, controller: Controller, namespace: &str, name: &str, unreadable: bool) {
        match controller {
            Controller::Nodes => self.nodes.unreadable(namespace, name, unreadable),
            Controller::Groups => self.groups.unreadable(namespace, name, unreadable),
            Controller::Tasks => self.tasks.unreadable(namespace, name, unreadable),
        }
    }

    /// Removes the series of a deleted object.
    pub(crate) fn forget(&self, controller: Controller, namespace: &str, name: &str) {
        match controller {
            Controller::Nodes => self.nodes.forget(namespace, name),
            Controller::Groups => self.groups.forget(namespace, name),
            Controller::Tasks => self.tasks.forget(namespace, name),
        }
    }

    /// Heights of the seid of each node.
    pub(crate) fn heights(&self) -> &Heights {
        &self.heights
    }

    /// Sets the limit of concurrent reconciles.
    pub(crate) fn workers(&self, controller: Controller, count: usize) {
        self.passes.workers(controller, count);
    }

    /// Counts a reconcile as active until the returned value is dropped.
    pub(crate) fn started(&self, controller: Controller) -> Running {
        self.passes.started(controller)
    }

    /// Counts the end of a reconcile, and the `category` of its error, if any.
    pub(crate) fn ended(&self, controller: Controller, category: Option<&'static str>, took: Duration) {
        self.passes.ended(controller, category, took);
    }

    /// The queue of `controller`.
    pub(crate) fn queue(&self, controller: Controller) -> Queue {
        self.queues.of(controller)
    }

    /// The series of a watch of `kind`.
    pub(crate) fn watch(&self, kind: &'static str) -> WatchSeries {
        self.watches.of(kind)
    }
}
