//! Counters and histograms of events: phases left, plans ended, tasks failed, sidecars probed, drift reverted.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};
use sei_api::{
    SeiNode, SeiNodeStatus, names,
    v1alpha1::{NodePhase, PlanPhase, PlannedTask, TaskPlan, TaskStatus},
};
use sei_decide::Health;
use sei_plan::Purpose;

use super::Controller;

/// Only nodes have plans and sidecars.
const CONTROLLER: &str = Controller::Nodes.as_str();

/// In seconds.
const PHASE_SECONDS: [f64; 10] = [10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1200.0, 1800.0, 3600.0];
const PLAN_SECONDS: [f64; 11] = [1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 7200.0, 86400.0];

/// None of them is labelled by node.
pub(super) struct HistoryMetrics {
    transitions: Family<TransitionLabels, Counter>,
    phase_seconds: Family<PhaseLabels, Histogram, fn() -> Histogram>,
    plan_seconds: Family<PlanLabels, Histogram, fn() -> Histogram>,
    task_failures: Family<TaskLabels, Counter>,
    probes: Family<ProbeLabels, Counter>,
    reverted: Family<DriftLabels, Counter>,
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
struct DriftLabels {
    controller: &'static str,
    namespace: String,
    kind: &'static str,
}

impl Default for HistoryMetrics {
    fn default() -> Self {
        Self {
            transitions: Family::default(),
            phase_seconds: Family::new_with_constructor(|| Histogram::new(PHASE_SECONDS)),
            plan_seconds: Family::new_with_constructor(|| Histogram::new(PLAN_SECONDS)),
            task_failures: Family::default(),
            probes: Family::default(),
            reverted: Family::default(),
        }
    }
}

impl HistoryMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("seinode_phase_transitions", "Phase transitions", self.transitions.clone());
        registry.register(
            "seinode_phase_duration_seconds",
            "Time spent in a phase, observed when the phase ends",
            self.phase_seconds.clone(),
        );
        registry.register(
            "plan_duration_seconds",
            "Time from a plan's creation to its end",
            self.plan_seconds.clone(),
        );
        registry.register("task_failures", "Failed task attempts", self.task_failures.clone());
        registry.register("seinode_sidecar_health_probes", "Health probes of sidecars", self.probes.clone());
        registry.register(
            "drift_corrections",
            "Owned objects whose drift was reverted, by kind",
            self.reverted.clone(),
        );
    }

    pub(super) fn observe(
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
        let started = plan.created_at.as_ref().or_else(|| plan.tasks.first()?.submitted_at.as_ref());
        if let Some(Time(started)) = started {
            let labels =
                PlanLabels { controller: CONTROLLER, namespace, plan_type: plan_type(plan), outcome };
            self.plan_seconds.get_or_create(&labels).observe(seconds(*started, now));
        }
    }

    pub(super) fn probed(&self, namespace: &str, health: Option<Health>) {
        let outcome = match health {
            Some(Health::Ready) => "ready",
            Some(Health::NotReady) => "not_ready",
            Some(Health::Held) => "held",
            None => "unreachable",
        };
        let namespace = namespace.to_owned();
        self.probes.get_or_create(&ProbeLabels { controller: CONTROLLER, namespace, outcome }).inc();
    }

    pub(super) fn reverted(&self, namespace: &str, kind: &'static str) {
        let namespace = namespace.to_owned();
        self.reverted.get_or_create(&DriftLabels { controller: CONTROLLER, namespace, kind }).inc();
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64().max(0.0)
}

/// The purpose of a plan, with the values of the Go controller.
fn plan_type(plan: &TaskPlan) -> &'static str {
    match Purpose::of(plan) {
        Purpose::Init => "init",
        Purpose::Update => "node-update",
        Purpose::MarkReady => "mark-ready-reapply",
    }
}
