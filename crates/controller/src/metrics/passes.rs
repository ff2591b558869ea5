//! Metrics of reconciles, with the names of controller-runtime.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use super::Controller;

/// In seconds.
const SECONDS: [f64; 9] = [0.005, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0];

/// Count, duration and errors of reconciles.
pub(super) struct PassMetrics {
    passes: Family<PassLabels, Counter>,
    errors: Family<ErrorLabels, Counter>,
    seconds: Histogram,
    workers: Family<ControllerLabels, Gauge>,
    busy: Family<ControllerLabels, Gauge>,
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

impl Default for PassMetrics {
    fn default() -> Self {
        Self {
            passes: Family::default(),
            errors: Family::default(),
            seconds: Histogram::new(SECONDS),
            workers: Family::default(),
            busy: Family::default(),
        }
    }
}

impl PassMetrics {
    pub(super) fn register_errors(&self, sei: &mut Registry) {
        sei.register("reconcile_errors", "Reconciles that failed", self.errors.clone());
    }

    pub(super) fn register(&self, runtime: &mut Registry) {
        runtime.register("reconcile", "Reconciles of an object, by result", self.passes.clone());
        runtime.register("reconcile_time_seconds", "Duration of a reconcile", self.seconds.clone());
        runtime.register(
            "max_concurrent_reconciles",
            "Maximum number of concurrent reconciles",
            self.workers.clone(),
        );
        runtime.register("active_workers", "Reconciles in progress", self.busy.clone());
    }

    pub(super) fn workers(&self, controller: Controller, count: usize) {
        let labels = ControllerLabels { controller: controller.as_str() };
        self.workers.get_or_create(&labels).set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub(super) fn started(&self, controller: Controller) -> Running {
        let busy = self.busy.get_or_create(&ControllerLabels { controller: controller.as_str() }).clone();
        busy.inc();
        Running(busy)
    }

    pub(super) fn ended(&self, controller: Controller, category: Option<&'static str>, took: Duration) {
        let controller = controller.as_str();
        let result = if category.is_some() { "error" } else { "success" };
        self.passes.get_or_create(&PassLabels { controller, result }).inc();
        if let Some(category) = category {
            self.errors.get_or_create(&ErrorLabels { controller, category }).inc();
        }
        self.seconds.observe(took.as_secs_f64());
    }
}

/// Counts a reconcile as active until it is dropped.
pub(crate) struct Running(Gauge);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.dec();
    }
}
