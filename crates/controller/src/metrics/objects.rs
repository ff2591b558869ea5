//! What the gauges of nodes, groups and tasks have in common.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ObjectLabels {
    pub(super) namespace: String,
    pub(super) name: String,
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

    fn with_phase(&self, phase: &'static str) -> PhaseLabels {
        let Self { namespace, name } = self.clone();
        PhaseLabels { namespace, name, phase }
    }

    fn with_condition(&self, r#type: &'static str) -> ConditionLabels {
        let Self { namespace, name } = self.clone();
        ConditionLabels { namespace, name, r#type }
    }
}

/// The gauges that every kind of object has.
#[derive(Default)]
pub(super) struct ObjectGauges {
    pub(super) phase: Family<PhaseLabels, Gauge>,
    pub(super) condition: Family<ConditionLabels, Gauge>,
    pub(super) unreadable: Family<ObjectLabels, Gauge>,
}

impl ObjectGauges {
    /// Sets 1 for the current phase of the object, 0 for the others.
    pub(super) fn observe_phases(
        &self,
        labels: &ObjectLabels,
        phases: impl IntoIterator<Item = (&'static str, bool)>,
    ) {
        for (phase, is_current) in phases {
            self.phase.get_or_create(&labels.with_phase(phase)).set(i64::from(is_current));
        }
    }

    /// Sets 1 for True, 0 for False, -1 for Unknown; no series without the condition.
    pub(super) fn observe_condition(
        &self,
        labels: &ObjectLabels,
        r#type: &'static str,
        condition: Option<&Condition>,
    ) {
        let labels = labels.with_condition(r#type);
        match condition.map(|condition| condition.status.as_str()) {
            Some("True") => drop(self.condition.get_or_create(&labels).set(1)),
            Some("False") => drop(self.condition.get_or_create(&labels).set(0)),
            Some(_) => drop(self.condition.get_or_create(&labels).set(-1)),
            None => drop(self.condition.remove(&labels)),
        }
    }

    pub(super) fn unreadable(&self, namespace: &str, name: &str, unreadable: bool) {
        let labels = ObjectLabels::of(namespace, name);
        match unreadable {
            true => drop(self.unreadable.get_or_create(&labels).set(1)),
            false => drop(self.unreadable.remove(&labels)),
        }
    }

    /// Removes the series of an object with these phases and conditions.
    pub(super) fn forget(
        &self,
        labels: &ObjectLabels,
        phases: impl IntoIterator<Item = &'static str>,
        conditions: impl IntoIterator<Item = &'static str>,
    ) {
        for phase in phases {
            self.phase.remove(&labels.with_phase(phase));
        }
        for condition in conditions {
            self.condition.remove(&labels.with_condition(condition));
        }
        self.unreadable.remove(labels);
    }
}
