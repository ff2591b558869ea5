//! Gauges per node.

use jiff::Timestamp;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};
use sei_api::{
    SeiNode, SeiNodeStatus,
    conditions::{ConditionType, SidecarImageReason, TlsSecretReason},
    names,
    v1alpha1::{NodePhase, PlanPhase, TaskStatus},
};

use super::objects::{ObjectGauges, ObjectLabels};

/// Each has the labels `namespace` and `name`, and `reason` where there is one.
#[derive(Default)]
pub(super) struct NodeMetrics {
    object: ObjectGauges,
    sidecar_ready: Family<ObjectLabels, Gauge>,
    plan_active: Family<ObjectLabels, Gauge>,
    paused: Family<ObjectLabels, Gauge>,
    certificate_expiry: Family<ObjectLabels, Gauge>,
    secret_reason: Family<ReasonLabels, Gauge>,
    sidecar_image_reason: Family<ReasonLabels, Gauge>,
    task_start: Family<ObjectLabels, Gauge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    namespace: String,
    name: String,
    reason: &'static str,
}

impl NodeMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "seinode_phase",
            "1 for the current phase of the node, else 0",
            self.object.phase.clone(),
        );
        registry.register(
            "seinode_condition",
            "Status of a condition: 1 True, 0 False, -1 Unknown",
            self.object.condition.clone(),
        );
        registry.register(
            "seinode_sidecar_ready",
            "1 if the last response of healthz was ready",
            self.sidecar_ready.clone(),
        );
        registry.register("plan_active", "1 while a node has an active plan", self.plan_active.clone());
        registry.register(
            "seinode_paused",
            "1 while spec.paused or spec.stopped is true",
            self.paused.clone(),
        );
        registry.register(
            "seinode_tls_certificate_expiry_timestamp_seconds",
            "Expiry of the certificate in the TLS Secret, Unix time",
            self.certificate_expiry.clone(),
        );
        registry.register(
            "seinode_tls_secret_reason",
            "1 for the current reason of SidecarTLSSecretReady",
            self.secret_reason.clone(),
        );
        registry.register(
            "seinode_sidecar_image_reason",
            "1 for the current reason of SidecarUpToDate",
            self.sidecar_image_reason.clone(),
        );
        registry.register(
            "seinode_task_start_timestamp_seconds",
            "Start of the current task of the active plan, Unix time",
            self.task_start.clone(),
        );
        registry.register(
            "seinode_unreadable",
            "1 for a SeiNode that cannot be decoded and is not reconciled",
            self.object.unreadable.clone(),
        );
    }

    pub(super) fn observe(&self, node: &SeiNode, not_after: Option<Timestamp>) {
        let labels = ObjectLabels::of(names::namespace(node), names::node(node));
        match not_after {
            Some(at) => drop(self.certificate_expiry.get_or_create(&labels).set(at.as_second())),
            None => drop(self.certificate_expiry.remove(&labels)),
        }
        self.paused.get_or_create(&labels).set(i64::from(node.spec.is_paused()));
        let Some(status) = &node.status else { return };
        let phases = NodePhase::ALL.map(|phase| (phase.as_str(), status.phase == Some(phase)));
        self.object.observe_phases(&labels, phases);
        for kind in ConditionType::ALL.iter().copied() {
            self.object.observe_condition(&labels, kind.as_str(), status.condition(kind));
        }
        let ready = status.condition(ConditionType::SidecarReady).is_some_and(|ready| ready.status == "True");
        self.sidecar_ready.get_or_create(&labels).set(i64::from(ready));
        let active = status.plan.as_ref().is_some_and(|plan| plan.phase == PlanPhase::Active);
        self.plan_active.get_or_create(&labels).set(i64::from(active));
        match current_task_start(status) {
            Some(at) => drop(self.task_start.get_or_create(&labels).set(at.as_second())),
            None => drop(self.task_start.remove(&labels)),
        }
        let reason = |kind| status.condition(kind).map(|condition| condition.reason.as_str());
        // TLS is immutable, so a node without it never had a verdict.
        if node.spec.tls().is_some() {
            let verdict = reason(ConditionType::SidecarTlsSecretReady);
            observe_reason(&self.secret_reason, &labels, secret_reasons(), verdict);
        }
        let images = reason(ConditionType::SidecarUpToDate);
        observe_reason(&self.sidecar_image_reason, &labels, image_reasons(), images);
    }

    pub(super) fn unreadable(&self, namespace: &str, name: &str, unreadable: bool) {
        self.object.unreadable(namespace, name, unreadable);
    }

    pub(super) fn forget(&self, namespace: &str, name: &str) {
        let labels = ObjectLabels::of(namespace, name);
        let conditions = ConditionType::ALL.iter().map(|kind| kind.as_str());
        self.object.forget(&labels, NodePhase::ALL.map(NodePhase::as_str), conditions);
        self.sidecar_ready.remove(&labels);
        self.plan_active.remove(&labels);
        self.paused.remove(&labels);
        self.certificate_expiry.remove(&labels);
        self.task_start.remove(&labels);
        observe_reason(&self.secret_reason, &labels, secret_reasons(), None);
        observe_reason(&self.sidecar_image_reason, &labels, image_reasons(), None);
    }
}

fn secret_reasons() -> impl Iterator<Item = &'static str> {
    TlsSecretReason::ALL.iter().map(|reason| reason.as_str())
}

fn image_reasons() -> impl Iterator<Item = &'static str> {
    SidecarImageReason::ALL.iter().map(|reason| reason.as_str())
}

/// Sets the series of the `current` one of `reasons`, and removes the others.
fn observe_reason(
    family: &Family<ReasonLabels, Gauge>,
    node: &ObjectLabels,
    reasons: impl Iterator<Item = &'static str>,
    current: Option<&str>,
) {
    for reason in reasons {
        let (namespace, name) = (node.namespace.clone(), node.name.clone());
        let labels = ReasonLabels { namespace, name, reason };
        match current == Some(reason) {
            true => drop(family.get_or_create(&labels).set(1)),
            false => drop(family.remove(&labels)),
        }
    }
}

/// When the current task of an active plan was submitted, or began to wait.
fn current_task_start(status: &SeiNodeStatus) -> Option<Timestamp> {
    let plan = status.plan.as_ref().filter(|plan| plan.phase == PlanPhase::Active)?;
    let task = plan.tasks.iter().find(|task| task.status != TaskStatus::Complete)?;
    Some(task.submitted_at.as_ref().or(task.waiting_since.as_ref())?.0)
}
