//! Metrics of the controller. Gauges say what is, and are set from what a pass sees, so that a restart loses
//! nothing; counters and histograms come from the difference of two statuses. Series of a node go with it.
//!
//! Names are those of the Go controller where it had one; `docs/metrics.md` lists them all.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use sei_api::{
    SeiNode, SeiNodeStatus,
    conditions::ConditionType,
    names,
    v1alpha1::{NodePhase, PlanPhase, PlannedTask, TaskPlan, TaskStatus},
};
use sei_decide::Health;
use sei_plan::Purpose;

/// Seconds; from a look to an hour.
const PHASE_SECONDS: [f64; 10] = [10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1200.0, 1800.0, 3600.0];
const PLAN_SECONDS: [f64; 11] = [1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 7200.0, 86400.0];
const PASS_SECONDS: [f64; 9] = [0.005, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0];

/// The metrics of one controller. They count from the moment they are registered.
pub struct Metrics {
    phase: Family<NodePhaseLabels, Gauge>,
    condition: Family<ConditionLabels, Gauge>,
    sidecar_ready: Family<NodeLabels, Gauge>,
    plan_active: Family<NodeLabels, Gauge>,
    certificate_expiry: Family<NodeLabels, Gauge>,
    transitions: Family<TransitionLabels, Counter>,
    phase_seconds: Family<PhaseLabels, Histogram, fn() -> Histogram>,
    plan_seconds: Family<PlanLabels, Histogram, fn() -> Histogram>,
    task_failures: Family<TaskLabels, Counter>,
    probes: Family<ProbeLabels, Counter>,
    passes: Family<PassLabels, Counter>,
    errors: Family<ErrorLabels, Counter>,
    pass_seconds: Histogram,
    workers: Family<ControllerLabels, Gauge>,
    busy: Family<ControllerLabels, Gauge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NodeLabels {
    namespace: String,
    name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NodePhaseLabels {
    namespace: String,
    name: String,
    phase: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConditionLabels {
    namespace: String,
    name: String,
    r#type: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TransitionLabels {
    controller: &'static str,
    namespace: String,
    from_phase: &'static str,
    to_phase: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PhaseLabels {
    namespace: String,
    chain_id: String,
    phase: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PlanLabels {
    controller: &'static str,
    namespace: String,
    plan_type: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TaskLabels {
    controller: &'static str,
    namespace: String,
    task_type: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProbeLabels {
    controller: &'static str,
    namespace: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ControllerLabels {
    controller: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PassLabels {
    controller: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorLabels {
    controller: &'static str,
    category: &'static str,
}

/// The one value of label `controller`.
const CONTROLLER: &str = "seinode";

impl Metrics {
    /// Makes the metrics and registers them in `registry`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            phase: Family::default(),
            condition: Family::default(),
            sidecar_ready: Family::default(),
            plan_active: Family::default(),
            certificate_expiry: Family::default(),
            transitions: Family::default(),
            phase_seconds: Family::new_with_constructor(|| Histogram::new(PHASE_SECONDS)),
            plan_seconds: Family::new_with_constructor(|| Histogram::new(PLAN_SECONDS)),
            task_failures: Family::default(),
            probes: Family::default(),
            passes: Family::default(),
            errors: Family::default(),
            pass_seconds: Histogram::new(PASS_SECONDS),
            workers: Family::default(),
            busy: Family::default(),
        };
        metrics.register_sei(registry.sub_registry_with_prefix("sei_controller"));
        let runtime = registry.sub_registry_with_prefix("controller_runtime");
        runtime.register("reconcile", "Passes over a node, by result", metrics.passes.clone());
        runtime.register("reconcile_time_seconds", "How long a pass took", metrics.pass_seconds.clone());
        runtime.register(
            "max_concurrent_reconciles",
            "How many passes there can be",
            metrics.workers.clone(),
        );
        runtime.register("active_workers", "How many passes there are", metrics.busy.clone());
        metrics
    }

    fn register_sei(&self, to: &mut Registry) {
        to.register("seinode_phase", "1 for the phase that a node is in, else 0", self.phase.clone());
        to.register("seinode_condition", "1 True, 0 False, -1 Unknown", self.condition.clone());
        to.register("seinode_sidecar_ready", "1 when healthz last said ready", self.sidecar_ready.clone());
        to.register("plan_active", "1 while a node has an active plan", self.plan_active.clone());
        to.register(
            "seinode_tls_certificate_expiry_timestamp_seconds",
            "End of validity of the certificate in the TLS Secret, Unix time",
            self.certificate_expiry.clone(),
        );
        to.register("seinode_phase_transitions", "Changes of phase", self.transitions.clone());
        to.register(
            "seinode_phase_duration_seconds",
            "Time spent in the phase left",
            self.phase_seconds.clone(),
        );
        to.register("plan_duration_seconds", "From a plan's making to its end", self.plan_seconds.clone());
        to.register("task_failures", "Attempts of tasks that failed", self.task_failures.clone());
        to.register("seinode_sidecar_health_probes", "Probes of healthz", self.probes.clone());
        to.register("reconcile_errors", "Passes that ended in an error", self.errors.clone());
    }

    /// What a pass sees of `node`, and the end of validity of its certificate.
    pub(crate) fn observe_node(&self, node: &SeiNode, not_after: Option<Timestamp>) {
        let (namespace, name) = (names::namespace(node).to_owned(), names::node(node).to_owned());
        let labels = NodeLabels { namespace: namespace.clone(), name: name.clone() };
        match not_after {
            Some(at) => drop(self.certificate_expiry.get_or_create(&labels).set(at.as_second())),
            None => drop(self.certificate_expiry.remove(&labels)),
        }
        let Some(status) = &node.status else { return };
        for phase in NodePhase::ALL {
            let labels =
                NodePhaseLabels { namespace: namespace.clone(), name: name.clone(), phase: phase.as_str() };
            self.phase.get_or_create(&labels).set(i64::from(status.phase == Some(phase)));
        }
        for kind in ConditionType::ALL.iter().copied() {
            let labels =
                ConditionLabels { namespace: namespace.clone(), name: name.clone(), r#type: kind.as_str() };
            match status.condition(kind).map(|condition| condition.status.as_str()) {
                Some("True") => drop(self.condition.get_or_create(&labels).set(1)),
                Some("False") => drop(self.condition.get_or_create(&labels).set(0)),
                Some(_) => drop(self.condition.get_or_create(&labels).set(-1)),
                None => drop(self.condition.remove(&labels)),
            }
        }
        let ready = status.condition(ConditionType::SidecarReady).is_some_and(|ready| ready.status == "True");
        self.sidecar_ready.get_or_create(&labels).set(i64::from(ready));
        let active = status.plan.as_ref().is_some_and(|plan| plan.phase == PlanPhase::Active);
        self.plan_active.get_or_create(&labels).set(i64::from(active));
    }

    /// What changed between two statuses of `node`, the later one just written.
    pub(crate) fn observe_status(
        &self,
        node: &SeiNode,
        before: &SeiNodeStatus,
        after: &SeiNodeStatus,
        now: Timestamp,
    ) {
        let namespace = names::namespace(node).to_owned();
        if before.phase != after.phase {
            let from_phase = before.phase.map_or("", NodePhase::as_str);
            let to_phase = after.phase.map_or("", NodePhase::as_str);
            let labels = TransitionLabels {
                controller: CONTROLLER,
                namespace: namespace.clone(),
                from_phase,
                to_phase,
            };
            self.transitions.get_or_create(&labels).inc();
            if let (Some(phase), Some(Time(since))) = (before.phase, &before.phase_transition_time) {
                let chain_id = node.spec.chain_id.clone();
                let labels = PhaseLabels { namespace: namespace.clone(), chain_id, phase: phase.as_str() };
                self.phase_seconds.get_or_create(&labels).observe(seconds(*since, now));
            }
        }
        if let Some(plan) = &after.plan {
            self.observe_plan(namespace, before.plan.as_ref(), plan, now);
        }
    }

    fn observe_plan(&self, namespace: String, before: Option<&TaskPlan>, plan: &TaskPlan, now: Timestamp) {
        let earlier = before.filter(|before| before.id == plan.id);
        for (index, task) in plan.tasks.iter().enumerate() {
            let failed = |task: &PlannedTask| {
                task.retry_count.unwrap_or(0) + i64::from(task.status == TaskStatus::Failed)
            };
            let known = earlier.and_then(|plan| plan.tasks.get(index)).map_or(0, failed);
            if let Ok(more @ 1..) = u64::try_from(failed(task) - known) {
                let task_type = task.type_.clone();
                let labels = TaskLabels { controller: CONTROLLER, namespace: namespace.clone(), task_type };
                self.task_failures.get_or_create(&labels).inc_by(more);
            }
        }
        let outcome = match plan.phase {
            PlanPhase::Active | PlanPhase::Unknown => return,
            PlanPhase::Complete => "complete",
            PlanPhase::Failed => "failed",
        };
        if earlier.is_some_and(|before| before.phase == plan.phase) {
            return;
        }
        let began = plan.created_at.as_ref().or_else(|| plan.tasks.first()?.submitted_at.as_ref());
        if let Some(Time(began)) = began {
            let labels =
                PlanLabels { controller: CONTROLLER, namespace, plan_type: plan_type(plan), outcome };
            self.plan_seconds.get_or_create(&labels).observe(seconds(*began, now));
        }
    }

    /// A sidecar in `namespace` was asked for its health; `None` when it did not answer.
    pub(crate) fn probed(&self, namespace: &str, health: Option<Health>) {
        let outcome = match health {
            Some(Health::Ready) => "ready",
            Some(Health::NotReady) => "not_ready",
            Some(Health::Held) => "held",
            None => "unreachable",
        };
        let namespace = namespace.to_owned();
        self.probes.get_or_create(&ProbeLabels { controller: CONTROLLER, namespace, outcome }).inc();
    }

    /// How many passes there can be at the same time.
    pub(crate) fn workers(&self, count: usize) {
        let labels = ControllerLabels { controller: CONTROLLER };
        self.workers.get_or_create(&labels).set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// A pass is under way for as long as what is returned lives.
    pub(crate) fn begun(&self) -> Begun {
        let busy = self.busy.get_or_create(&ControllerLabels { controller: CONTROLLER }).clone();
        busy.inc();
        Begun(busy)
    }

    /// One pass ended, with an error of `category` or well.
    pub(crate) fn reconciled(&self, category: Option<&'static str>, took: Duration) {
        let result = if category.is_some() { "error" } else { "success" };
        self.passes.get_or_create(&PassLabels { controller: CONTROLLER, result }).inc();
        if let Some(category) = category {
            self.errors.get_or_create(&ErrorLabels { controller: CONTROLLER, category }).inc();
        }
        self.pass_seconds.observe(took.as_secs_f64());
    }

    /// Drops the series of a node that is gone.
    pub(crate) fn forget(&self, namespace: &str, name: &str) {
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        for phase in NodePhase::ALL {
            let phase = phase.as_str();
            self.phase.remove(&NodePhaseLabels { namespace: namespace.clone(), name: name.clone(), phase });
        }
        for kind in ConditionType::ALL.iter().copied() {
            let r#type = kind.as_str();
            self.condition.remove(&ConditionLabels {
                namespace: namespace.clone(),
                name: name.clone(),
                r#type,
            });
        }
        let labels = NodeLabels { namespace, name };
        self.sidecar_ready.remove(&labels);
        self.plan_active.remove(&labels);
        self.certificate_expiry.remove(&labels);
    }
}

/// A pass that is under way.
pub(crate) struct Begun(Gauge);

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64().max(0.0)
}

/// The words of the Go controller for what a plan is for.
fn plan_type(plan: &TaskPlan) -> &'static str {
    match Purpose::of(plan) {
        Purpose::Init => "init",
        Purpose::Update => "node-update",
        Purpose::MarkReady => "mark-ready-reapply",
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use sei_testkit::metrics::documented;
    use serde_json::json;

    use super::*;

    /// Every metric has had something to say: one without samples is not served.
    fn served() -> String {
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        let status = |phase: &str, plan: &str, task: &str| -> SeiNodeStatus {
            serde_json::from_value(json!({
                "phase": phase,
                "phaseTransitionTime": "2026-01-01T00:00:00Z",
                "conditions": [{
                    "type": "Ready", "status": "False", "reason": "PlanInProgress", "message": "",
                    "lastTransitionTime": "2026-01-01T00:00:00Z",
                }],
                "plan": {
                    "id": "plan", "phase": plan, "createdAt": "2026-01-01T00:00:00Z",
                    "tasks": [{ "type": "mark-ready", "id": "task", "status": task }],
                },
            }))
            .unwrap()
        };
        let (before, after) =
            (status("Initializing", "Active", "Pending"), status("Failed", "Failed", "Failed"));
        let mut node: SeiNode = serde_json::from_value(json!({
            "metadata": { "name": "node-0", "namespace": "pacific-1" },
            "spec": { "chainId": "pacific-1", "image": "seid:a", "fullNode": {} },
        }))
        .unwrap();
        node.status = Some(after.clone());
        let now = "2026-01-01T00:01:00Z".parse().unwrap();
        metrics.observe_node(&node, Some(now));
        metrics.observe_status(&node, &before, &after, now);
        metrics.probed("sei", Some(Health::Ready));
        metrics.workers(32);
        drop(metrics.begun());
        metrics.reconciled(Some("conflict"), Duration::from_millis(5));
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        text
    }

    #[test]
    fn what_is_served_is_what_is_documented() {
        let documented = documented().into_iter().filter(|metric| {
            // The others are the process's own.
            metric.name.starts_with("sei_controller_") || metric.name.starts_with("controller_runtime_")
        });
        assert_eq!(sei_testkit::metrics::served(&served()), documented.collect());
    }
}
