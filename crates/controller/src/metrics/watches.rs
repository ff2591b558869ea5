//! Metrics of the watches that fill the caches.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// Failures by kind.
#[derive(Default)]
pub(super) struct WatchMetrics {
    errors: Family<KindLabels, Counter>,
    failing: Family<KindLabels, Gauge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

impl WatchMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("watch_errors", "Failed attempts to list or watch a kind", self.errors.clone());
        registry.register(
            "watches_failing",
            "Watches of a kind that are currently failing",
            self.failing.clone(),
        );
    }

    pub(super) fn of(&self, kind: &'static str) -> WatchSeries {
        let labels = KindLabels { kind };
        WatchSeries {
            errors: self.errors.get_or_create(&labels).clone(),
            failing: self.failing.get_or_create(&labels).clone(),
            fails: false,
        }
    }
}

/// The series of one watch. It no longer counts as failing once this is dropped.
pub(crate) struct WatchSeries {
    errors: Counter,
    failing: Gauge,
    fails: bool,
}

impl WatchSeries {
    pub(crate) fn failed(&mut self) {
        self.errors.inc();
        if !std::mem::replace(&mut self.fails, true) {
            self.failing.inc();
        }
    }

    pub(crate) fn works(&mut self) {
        if std::mem::replace(&mut self.fails, false) {
            self.failing.dec();
        }
    }
}

impl Drop for WatchSeries {
    fn drop(&mut self) {
        self.works();
    }
}
