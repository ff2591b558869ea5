//! Gauges per SeiNodeTask.

use kube::ResourceExt;
use prometheus_client::registry::Registry;
use sei_api::{SeiNodeTask, v1alpha1::task::NodeTaskPhase};

use super::objects::{ObjectGauges, ObjectLabels};

/// Each has the labels `namespace` and `name`.
#[derive(Default)]
pub(super) struct TaskMetrics(ObjectGauges);

impl TaskMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "seinodetask_phase",
            "1 for the current phase of the SeiNodeTask, else 0",
            self.0.phase.clone(),
        );
        registry.register(
            "seinodetask_unreadable",
            "1 for a SeiNodeTask that cannot be decoded and is not reconciled",
            self.0.unreadable.clone(),
        );
    }

    pub(super) fn observe(&self, task: &SeiNodeTask) {
        let Some(status) = &task.status else { return };
        let labels = ObjectLabels::of(&task.namespace().unwrap_or_default(), &task.name_any());
        let phases = NodeTaskPhase::ALL.map(|phase| (phase.as_str(), status.phase == Some(phase)));
        self.0.observe_phases(&labels, phases);
    }

    pub(super) fn unreadable(&self, namespace: &str, name: &str, unreadable: bool) {
        self.0.unreadable(namespace, name, unreadable);
    }

    pub(super) fn forget(&self, namespace: &str, name: &str) {
        let labels = ObjectLabels::of(namespace, name);
        self.0.forget(&labels, NodeTaskPhase::ALL.map(NodeTaskPhase::as_str), []);
    }
}
