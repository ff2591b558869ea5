//! Error handling of watches: each error is logged and counted, and only that watch backs off. The others
//! continue.

use std::{sync::Arc, time::Duration};

use kube::runtime::watcher;

use crate::{
    metrics::{Metrics, WatchSeries},
    refusal::{error_message, is_not_found},
};

/// Backoff of failed attempts: the first delay, and the maximum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    first: Duration,
    longest: Duration,
}

/// A watch that many nodes depend on. There are few of them.
pub(crate) const SHARED: Pace = Pace::new(Duration::from_millis(500), Duration::from_secs(5));
/// How often an optional kind is checked for installation.
pub(crate) const NOT_INSTALLED: Duration = Duration::from_secs(15);
/// A watch of one object. There can be thousands.
pub(crate) const SINGLE: Pace = Pace::new(Duration::from_secs(1), Duration::from_secs(30));

impl Pace {
    pub(crate) const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest }
    }

    /// Doubles with each consecutive failure; `jitter` in `0.0..1.0` adds up to a quarter.
    pub(crate) fn delay(self, failures: u32, jitter: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        let delay = self.first.saturating_mul(1 << doublings).min(self.longest);
        delay.mul_f64(1.0 + 0.25 * jitter)
    }
}

/// Health of a watch, for the log, the metrics and its next attempt.
pub(crate) struct WatchHealth {
    kind: &'static str,
    /// What is watched: a namespace, an object, or everything.
    place: String,
    pace: Pace,
    series: WatchSeries,
    failures: u32,
    /// The last logged failure, so that a persistent one does not fill the log.
    logged: Option<String>,
    /// Whether the kind may not be installed.
    is_optional: bool,
}

impl WatchHealth {
    /// Nothing has been received or failed yet.
    pub(crate) fn new(metrics: &Arc<Metrics>, kind: &'static str, place: String, pace: Pace) -> Self {
        let series = metrics.watch(kind);
        Self { kind, place, pace, series, failures: 0, logged: None, is_optional: false }
    }

    /// The watch of an optional kind, which does not fail while the kind is not installed.
    pub(crate) fn optional(self) -> Self {
        Self { is_optional: true, ..self }
    }

    /// An event was received. Returns whether the watch had failed before.
    pub(crate) fn received<K>(&mut self, event: &watcher::Event<K>) -> bool {
        // `Init` only announces a list that may still fail.
        if self.failures == 0 || matches!(event, watcher::Event::Init) {
            return false;
        }
        tracing::info!(kind = self.kind, watched = self.place, failures = self.failures, "watch recovered");
        self.failures = 0;
        self.logged = None;
        self.series.works();
        true
    }

    /// An attempt failed. Returns the delay before the next one.
    pub(crate) fn failed(&mut self, error: &watcher::Error, jitter: f64) -> Duration {
        if self.is_absent(error) {
            return self.not_installed();
        }
        self.failures = self.failures.saturating_add(1);
        self.series.failed();
        let cause = cause(error);
        if self.logged.as_ref() != Some(&cause) {
            tracing::warn!(kind = self.kind, watched = self.place, error = cause, "watch failed; retrying");
            self.logged = Some(cause);
        }
        self.pace.delay(self.failures, jitter)
    }

    /// Whether the cluster lacks the kind, which is not a failure.
    pub(crate) fn is_absent(&self, error: &watcher::Error) -> bool {
        self.is_optional && of_client(error).is_some_and(is_not_found)
    }

    fn not_installed(&mut self) -> Duration {
        let cause = "not installed";
        if self.logged.as_deref() != Some(cause) {
            tracing::info!(kind = self.kind, "the CRD is not installed; waiting for it");
            self.logged = Some(cause.to_owned());
        }
        NOT_INSTALLED
    }
}

/// Whether the API server denies the watch.
pub(crate) fn is_refused(error: &watcher::Error) -> bool {
    matches!(of_client(error), Some(kube::Error::Api(status)) if status.is_forbidden())
}

/// The failure as one line.
fn cause(error: &watcher::Error) -> String {
    match (of_client(error), error) {
        (Some(error), _) => error_message(error),
        (None, watcher::Error::WatchError(status)) => status.message.clone(),
        (None, error) => error.to_string(),
    }
}

fn of_client(error: &watcher::Error) -> Option<&kube::Error> {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => Some(error),
        watcher::Error::WatchError(_) | watcher::Error::NoResourceVersion => None,
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use prometheus_client::registry::Registry;

    use super::*;

    fn forbidden() -> watcher::Error {
        watcher::Error::InitialListFailed(kube::Error::Api(
            kube::core::Status::failure("pods is forbidden", "Forbidden").with_code(403).boxed(),
        ))
    }

    #[test]
    fn the_backoff_of_a_failing_list_grows_to_the_maximum_and_is_reset_by_a_success() {
        let metrics = Arc::new(Metrics::register(&mut Registry::default()));
        let mut health = WatchHealth::new(&metrics, "Pod", "all namespaces".into(), SHARED);
        let mut pauses = Vec::new();
        for _ in 0..6 {
            // Each attempt to list starts with `Init`.
            assert!(!health.received::<Pod>(&watcher::Event::Init));
            pauses.push(health.failed(&forbidden(), 0.0).as_millis());
        }
        assert_eq!(pauses, [500, 1000, 2000, 4000, 5000, 5000]);
        assert!(health.received::<Pod>(&watcher::Event::InitDone), "recovered");
        assert!(!health.received::<Pod>(&watcher::Event::InitDone), "only once");
        assert_eq!(health.failed(&forbidden(), 0.0).as_millis(), 500);
    }

    #[test]
    fn a_kind_that_is_not_installed_is_a_failure_only_if_it_is_required() {
        let absent = || {
            let status = kube::core::Status::failure("404 page not found", "Failed to parse error data");
            watcher::Error::InitialListFailed(kube::Error::Api(status.with_code(404).boxed()))
        };
        let mut registry = Registry::default();
        let metrics = Arc::new(Metrics::register(&mut registry));
        let health = || WatchHealth::new(&metrics, "SeiNodeDeployment", "all namespaces".into(), SHARED);
        let mut optional = health().optional();
        assert_eq!(optional.failed(&absent(), 0.0), NOT_INSTALLED);
        assert_eq!(optional.failures, 0);
        assert_eq!(optional.failed(&forbidden(), 0.0).as_millis(), 500);
        let mut needed = health();
        assert_eq!(needed.failed(&absent(), 0.0).as_millis(), 500);
        assert_eq!(needed.failures, 1);
    }

    #[test]
    fn a_denied_watch_is_distinguished_from_an_outage_and_logged_with_the_message_of_the_api_server() {
        assert!(is_refused(&forbidden()));
        assert_eq!(cause(&forbidden()), "pods is forbidden");
        assert!(!is_refused(&watcher::Error::NoResourceVersion));
    }
}
