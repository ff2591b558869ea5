//! Depth of the queues of objects to reconcile, and the time that objects wait in them, with the names of
//! controller-runtime. An object is in a queue from the time at which it is due until its reconcile starts.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric},
    metrics::{MetricType, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use tokio::time::Instant;

use super::Controller;

/// In seconds.
const SECONDS: [f64; 8] = [0.001, 0.01, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0];

/// Namespace and name of an object.
type Key = (String, String);

/// The queues of the controllers.
pub(super) struct QueueMetrics {
    waits: Family<QueueLabels, Histogram, fn() -> Histogram>,
    nodes: Queue,
    groups: Queue,
    tasks: Queue,
}

/// The queue of one controller, in all scopes.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    due: Arc<Mutex<HashMap<Key, Instant>>>,
    waits: Histogram,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueLabels {
    controller: &'static str,
    name: &'static str,
}

impl QueueLabels {
    const fn of(controller: Controller) -> Self {
        let name = controller.as_str();
        Self { controller: name, name }
    }
}

impl Default for QueueMetrics {
    fn default() -> Self {
        let waits: Family<_, _, fn() -> _> = Family::new_with_constructor(|| Histogram::new(SECONDS));
        let queue = |controller| Queue {
            due: Arc::default(),
            waits: waits.get_or_create_owned(&QueueLabels::of(controller)),
        };
        let [nodes, groups, tasks] = [Controller::Nodes, Controller::Groups, Controller::Tasks].map(queue);
        Self { waits, nodes, groups, tasks }
    }
}

impl QueueMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        let controllers = [Controller::Nodes, Controller::Groups, Controller::Tasks];
        let depths = controllers.map(|controller| (controller, self.of(controller)));
        registry.register_collector(Box::new(Depths(depths)));
        let help = "Time from when an object is due until its reconcile starts";
        registry.register("queue_duration_seconds", help, self.waits.clone());
    }

    pub(super) fn of(&self, controller: Controller) -> Queue {
        match controller {
            Controller::Nodes => self.nodes.clone(),
            Controller::Groups => self.groups.clone(),
            Controller::Tasks => self.tasks.clone(),
        }
    }
}

impl Queue {
    /// `object` is due after `delay`, unless it is already due earlier.
    pub(crate) fn due(&self, object: Key, delay: Duration) {
        let at = Instant::now() + delay;
        self.lock().entry(object).and_modify(|due| *due = at.min(*due)).or_insert(at);
    }

    /// The reconcile of `object` starts.
    pub(crate) fn started(&self, object: &Key) {
        let due = self.lock().remove(object);
        let wait = due.map_or(Duration::ZERO, |due| due.elapsed());
        self.waits.observe(wait.as_secs_f64());
    }

    /// `object` is not reconciled, because it no longer exists.
    pub(crate) fn gone(&self, object: &Key) {
        self.lock().remove(object);
    }

    fn depth(&self) -> usize {
        let now = Instant::now();
        self.lock().values().filter(|due| **due <= now).count()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Instant>> {
        // A panic elsewhere cannot leave the map inconsistent: every access is one insert, read or remove.
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts the objects that are due at each scrape.
#[derive(Debug)]
struct Depths([(Controller, Queue); 3]);

impl Collector for Depths {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let family = Family::<QueueLabels, Gauge>::default();
        for (controller, queue) in &self.0 {
            let depth = queue.depth().try_into().unwrap_or(i64::MAX);
            family.get_or_create(&QueueLabels::of(*controller)).set(depth);
        }
        let help = "Objects that are due and whose reconcile has not started";
        family.encode(encoder.encode_descriptor("depth", help, None, MetricType::Gauge)?)
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    fn lines(registry: &Registry, of: &str) -> Vec<String> {
        let mut text = String::new();
        encode(&mut text, registry).unwrap();
        text.lines().filter(|line| line.starts_with(of)).map(str::to_owned).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn an_object_waits_from_the_time_it_is_due_until_its_reconcile_starts() {
        let (mut registry, metrics) = (Registry::default(), QueueMetrics::default());
        metrics.register(&mut registry);
        let depth = || lines(&registry, "depth{controller=\"seinode\"").concat();
        let queue = metrics.of(Controller::Nodes);
        let [a, b, c] = ["a", "b", "c"].map(|name| ("pacific-1".to_owned(), name.to_owned()));
        queue.due(a.clone(), Duration::from_secs(300));
        assert!(depth().ends_with(" 0"), "it is requeued for later: {}", depth());
        queue.due(a.clone(), Duration::ZERO);
        queue.due(a.clone(), Duration::from_secs(60));
        queue.due(b.clone(), Duration::from_secs(1));
        queue.due(c.clone(), Duration::ZERO);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert!(depth().ends_with(" 3"), "{}", depth());
        queue.gone(&c);
        queue.started(&a);
        queue.started(&b);
        assert!(depth().ends_with(" 0"), "{}", depth());
        let waited = "queue_duration_seconds_sum{controller=\"seinode\",name=\"seinode\"} 5.0";
        assert_eq!(lines(&registry, "queue_duration_seconds_sum{controller=\"seinode\""), [waited]);
    }
}
