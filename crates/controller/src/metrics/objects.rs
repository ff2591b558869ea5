//! What the gauges of nodes and groups have in common.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ObjectLabels {
    namespace: String,
    name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct PhaseLabels {
    namespace: String,
    name: String,
    phase: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ConditionLabels {
    namespace: String,
    name: String,
    r#type: &'static str,
}

impl ObjectLabels {
    pub(super) fn of(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned() }
    }

    pub(super) fn with_phase(&self, phase: &'static str) -> PhaseLabels {
        let Self { namespace, name } = self.clone();
        PhaseLabels { namespace, name, phase }
    }

    pub(super) fn with_condition(&self, r#type: &'static str) -> ConditionLabels {
        let Self { namespace, name } = self.clone();
        ConditionLabels { namespace, name, r#type }
    }
}

/// 1 True, 0 False, -1 Unknown; absent where the condition is.
pub(super) fn observe_condition(
    gauges: &Family<ConditionLabels, Gauge>,
    labels: &ConditionLabels,
    condition: Option<&Condition>,
) {
    match condition.map(|condition| condition.status.as_str()) {
        Some("True") => drop(gauges.get_or_create(labels).set(1)),
        Some("False") => drop(gauges.get_or_create(labels).set(0)),
        Some(_) => drop(gauges.get_or_create(labels).set(-1)),
        None => drop(gauges.remove(labels)),
    }
}
