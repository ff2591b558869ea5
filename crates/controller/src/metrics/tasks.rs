//! Gauges per SeiNodeTask.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use kube::ResourceExt;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};
use sei_api::{SeiNodeTask, task_conditions::ConditionType, v1alpha1::task::NodeTaskPhase};

use super::objects::{ObjectGauges, ObjectLabels};

/// What a failed task was about, and why it failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FailureLabels {
    namespace: String,
    name: String,
    node: String,
    operation: String,
    reason: String,
}

impl FailureLabels {
    fn of(task: &SeiNodeTask, labels: &ObjectLabels) -> Option<Self> {
        let status = task.status.as_ref().filter(|status| status.phase == Some(NodeTaskPhase::Failed))?;
        let ObjectLabels { namespace, name } = labels.clone();
        Some(Self {
            namespace,
            name,
            node: task.spec.node_ref.name.clone(),
            operation: status.operation.clone().unwrap_or_default(),
            reason: status.condition(ConditionType::Stalled)?.reason.clone(),
        })
    }
}

/// Each has the labels `namespace` and `name`.
#[derive(Default)]
pub(super) struct TaskMetrics {
    objects: ObjectGauges,
    failed: Family<FailureLabels, Gauge>,
    /// The series of each task that has failed: a failure is final.
    failures: Mutex<HashMap<ObjectLabels, FailureLabels>>,
}

impl TaskMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "seinodetask_phase",
            "1 for the current phase of the SeiNodeTask, else 0",
            self.objects.phase.clone(),
        );
        registry.register(
            "seinodetask_unreadable",
            "1 for a SeiNodeTask that cannot be decoded and is not reconciled",
            self.objects.unreadable.clone(),
        );
        registry.register(
            "seinodetask_failed",
            "1 for a failed SeiNodeTask, with its SeiNode, its operation and the reason of Stalled",
            self.failed.clone(),
        );
    }

    pub(super) fn observe(&self, task: &SeiNodeTask) {
        let Some(status) = &task.status else { return };
        let labels = ObjectLabels::of(&task.namespace().unwrap_or_default(), &task.name_any());
        let phases = NodeTaskPhase::ALL.map(|phase| (phase.as_str(), status.phase == Some(phase)));
        self.objects.observe_phases(&labels, phases);
        if let Some(failure) = FailureLabels::of(task, &labels) {
            self.failed.get_or_create(&failure).set(1);
            self.failures().insert(labels, failure);
        }
    }

    pub(super) fn unreadable(&self, namespace: &str, name: &str, unreadable: bool) {
        self.objects.unreadable(namespace, name, unreadable);
    }

    pub(super) fn forget(&self, namespace: &str, name: &str) {
        let labels = ObjectLabels::of(namespace, name);
        self.objects.forget(&labels, NodeTaskPhase::ALL.map(NodeTaskPhase::as_str), []);
        if let Some(failure) = self.failures().remove(&labels) {
            self.failed.remove(&failure);
        }
    }

    fn failures(&self) -> MutexGuard<'_, HashMap<ObjectLabels, FailureLabels>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
