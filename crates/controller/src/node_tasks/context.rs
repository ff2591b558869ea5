//! The context that all reconciles of the tasks of one scope share.

use std::sync::Arc;

use kube::{
    Client, ResourceExt,
    runtime::reflector::{ObjectRef, Store, store::Writer},
};
use sei_api::{SeiNode, SeiNodeTask};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::memory::Memory;
use crate::{
    cache::{Cache, Filling, Progress, is_in},
    events::Publisher,
    memories::Memories,
    metrics::{Controller, Metrics},
    sidecar::Sidecars,
    unreadable::Names,
};

/// Name of the watched kind in progress and metrics.
pub(super) const TASKS: &str = "SeiNodeTask";

/// The tasks to reconcile soon.
pub(crate) type Woken = UnboundedReceiver<ObjectRef<SeiNodeTask>>;

pub(crate) struct Context {
    pub(super) client: Client,
    pub(super) sidecars: Arc<Sidecars>,
    pub(super) tasks: Store<SeiNodeTask>,
    /// Sync state of this store.
    pub(super) progress: Progress,
    /// All SeiNodes of the scope.
    pub(super) nodes: Store<SeiNode>,
    /// SeiNodes that cannot be decoded.
    pub(super) unreadable_nodes: Names,
    /// Sync state of the store of SeiNodes.
    pub(super) nodes_progress: Progress,
    wake: UnboundedSender<ObjectRef<SeiNodeTask>>,
    wake_nodes: UnboundedSender<ObjectRef<SeiNode>>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) events: Publisher,
    pub(super) memories: Memories<Memory>,
}

/// What the tasks of a scope share with its nodes.
pub(crate) struct Dependencies {
    pub(crate) client: Client,
    pub(crate) sidecars: Arc<Sidecars>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) events: Publisher,
    /// Requeues nodes.
    pub(crate) wake_nodes: UnboundedSender<ObjectRef<SeiNode>>,
}

impl Context {
    /// The context of the scope of `cache`, with the writer of its store and its queue.
    pub(crate) fn new(of: Dependencies, cache: &Cache) -> (Arc<Self>, Writer<SeiNodeTask>, Woken) {
        let writer = Writer::default();
        let (wake, woken) = unbounded_channel();
        let context = Self {
            client: of.client,
            sidecars: of.sidecars,
            tasks: writer.as_reader(),
            progress: Progress::default(),
            nodes: cache.nodes.clone(),
            unreadable_nodes: cache.unreadable.clone(),
            nodes_progress: cache.progress.clone(),
            wake,
            wake_nodes: of.wake_nodes,
            metrics: of.metrics,
            events: of.events,
            memories: Memories::default(),
        };
        (Arc::new(context), writer, woken)
    }

    /// The tasks of `node` that have not finished; `None` if they are not known.
    pub(crate) fn of(&self, node: &SeiNode) -> Option<Vec<Arc<SeiNodeTask>>> {
        match self.progress.get(TASKS) {
            Filling::Waiting | Filling::Denied => None,
            // The kind is not installed, so there are none.
            Filling::Absent => Some(Vec::new()),
            Filling::Done => Some(self.unfinished_of(node)),
        }
    }

    fn unfinished_of(&self, node: &SeiNode) -> Vec<Arc<SeiNodeTask>> {
        self.tasks.state_filter(|task: &SeiNodeTask| {
            let phase = task.status.as_ref().and_then(|status| status.phase);
            task.metadata.namespace == node.metadata.namespace
                && Some(&task.spec.node_ref.name) == node.metadata.name.as_ref()
                && !phase.is_some_and(|phase| phase.is_finished())
        })
    }

    /// A SeiNode was created, changed or removed: queues its tasks.
    pub(crate) fn node_changed(&self, node: &SeiNode) {
        self.unfinished_of(node).iter().for_each(|task| self.wake(ObjectRef::from_obj(&**task)));
    }

    /// A task was created, changed or removed: queues its SeiNode.
    pub(super) fn wake_node_of(&self, task: &SeiNodeTask) {
        let node = ObjectRef::new(&task.spec.node_ref.name).within(&task.namespace().unwrap_or_default());
        // The receiver is gone only when the controller is shutting down.
        let _ = self.wake_nodes.send(node);
    }

    /// Queues every SeiNode whose status names a task: the task may have been deleted.
    pub(super) fn wake_held_nodes(&self) {
        let held = |node: &SeiNode| node.status.as_ref().is_some_and(|status| status.node_task.is_some());
        for node in self.nodes.state_filter(held) {
            // The receiver is gone only when the controller is shutting down.
            let _ = self.wake_nodes.send(ObjectRef::from_obj(&*node));
        }
    }

    /// A kind that tasks depend on and that the operator may not watch.
    pub(super) fn denied(&self) -> Option<&'static str> {
        self.nodes_progress.of(Filling::Denied).contains(&"SeiNode").then_some("SeiNode")
    }

    /// The memory of a task.
    pub(super) fn memory<T>(&self, task: &SeiNodeTask, with: impl FnOnce(&mut Memory) -> T) -> T {
        self.memories.with(task, with)
    }

    /// Drops the memory of a deleted task. A new task may already have the same name.
    pub(super) fn forget(&self, task: &SeiNodeTask) {
        self.memories.forget(task);
        if self.tasks.get(&ObjectRef::from_obj(task)).is_none() {
            self.metrics.forget(Controller::Tasks, &task.namespace().unwrap_or_default(), &task.name_any());
        }
    }

    /// Whether this task, by UID, is in the store.
    pub(super) fn has(&self, task: &SeiNodeTask) -> bool {
        is_in(&self.tasks, task)
    }

    /// Returns a function that queues `task`.
    pub(super) fn waker(&self, task: &SeiNodeTask) -> impl Fn() + Send + use<> {
        let (wake, task) = (self.wake.clone(), ObjectRef::from_obj(task));
        // The receiver is gone only when the controller is shutting down.
        move || drop(wake.send(task.clone()))
    }

    /// Queues a task.
    pub(super) fn wake(&self, task: ObjectRef<SeiNodeTask>) {
        // The receiver is gone only when the controller is shutting down.
        let _ = self.wake.send(task);
    }

    /// Queues every task whose last reconciles failed: the cause may be resolved.
    pub(super) fn retry_failed(&self) {
        self.memories.failing(&self.tasks).into_iter().for_each(|task| self.wake(task));
    }
}
