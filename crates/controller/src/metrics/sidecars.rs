//! Calls to sidecars, by outcome and latency.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, histogram::Histogram},
    registry::Registry,
};
use sei_sidecar::Error;

/// In seconds; calls have deadlines of some seconds.
const SECONDS: [f64; 7] = [0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 15.0];

/// The label for the node is left out: a fleet would have a histogram for each node, call and outcome.
pub(super) struct SidecarMetrics {
    seconds: Family<Labels, Histogram, fn() -> Histogram>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    operation: &'static str,
    outcome: &'static str,
}

impl Default for SidecarMetrics {
    fn default() -> Self {
        Self { seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)) }
    }
}

impl SidecarMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "sidecar_request_duration_seconds",
            "Duration of calls to sidecars, by outcome",
            self.seconds.clone(),
        );
    }

    pub(super) fn called(&self, operation: &'static str, error: Option<&Error>, took: Duration) {
        let labels = Labels { operation, outcome: error.map_or("ok", Error::kind) };
        self.seconds.get_or_create(&labels).observe(took.as_secs_f64());
    }
}
