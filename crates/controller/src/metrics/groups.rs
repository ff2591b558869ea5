//! Gauges per group.

use kube::ResourceExt;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};
use sei_api::{
    SeiNodeDeployment, deployment_conditions::ConditionType, v1alpha1::deployment::DeploymentPhase,
};

use super::objects::{ObjectGauges, ObjectLabels};

/// Values of label `replica_state`.
const STATES: [&str; 4] = ["desired", "updated", "ready", "available"];

/// Each has the labels `namespace` and `name`.
#[derive(Default)]
pub(super) struct GroupMetrics {
    object: ObjectGauges,
    replicas: Family<ReplicaLabels, Gauge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReplicaLabels {
    namespace: String,
    name: String,
    replica_state: &'static str,
}

impl GroupMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "seinodedeployment_phase",
            "1 for the current phase of the group, else 0",
            self.object.phase.clone(),
        );
        registry.register(
            "seinodedeployment_condition",
            "Status of a condition: 1 True, 0 False, -1 Unknown",
            self.object.condition.clone(),
        );
        registry.register(
            "seinodedeployment_replicas",
            "SeiNodes of a group, by state",
            self.replicas.clone(),
        );
        registry.register(
            "seinodedeployment_unreadable",
            "1 for a SeiNodeDeployment that cannot be decoded and is not reconciled",
            self.object.unreadable.clone(),
        );
    }

    pub(super) fn observe(&self, group: &SeiNodeDeployment) {
        let (namespace, name) = (group.namespace().unwrap_or_default(), group.name_any());
        let labels = ObjectLabels::of(&namespace, &name);
        let Some(status) = &group.status else { return };
        let phases = DeploymentPhase::ALL.map(|phase| (phase.as_str(), status.phase == Some(phase)));
        self.object.observe_phases(&labels, phases);
        for kind in ConditionType::ALL.iter().copied() {
            self.object.observe_condition(&labels, kind.as_str(), status.condition(kind));
        }
        let counts = [
            Some(i64::from(group.spec.replicas())),
            status.updated_replicas,
            status.ready_replicas,
            status.available_replicas,
        ];
        for (replica_state, count) in STATES.into_iter().zip(counts) {
            let labels = ReplicaLabels { namespace: namespace.clone(), name: name.clone(), replica_state };
            self.replicas.get_or_create(&labels).set(count.unwrap_or(0));
        }
    }

    pub(super) fn unreadable(&self, namespace: &str, name: &str, unreadable: bool) {
        self.object.unreadable(namespace, name, unreadable);
    }

    pub(super) fn forget(&self, namespace: &str, name: &str) {
        let labels = ObjectLabels::of(namespace, name);
        let conditions = ConditionType::ALL.iter().map(|kind| kind.as_str());
        self.object.forget(&labels, DeploymentPhase::ALL.map(DeploymentPhase::as_str), conditions);
        for replica_state in STATES {
            let (namespace, name) = (namespace.to_owned(), name.to_owned());
            self.replicas.remove(&ReplicaLabels { namespace, name, replica_state });
        }
    }
}
