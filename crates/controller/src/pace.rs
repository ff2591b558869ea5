//! Schedules the writes of progress across nodes, so that a fleet created at the same time causes few of them.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Minimum delay before progress is written.
const SOON: Duration = Duration::from_secs(1);
/// Time between two writes of progress across all nodes.
const INTERVAL: Duration = Duration::from_millis(200);
/// Maximum delay before progress is written.
const LATEST: Duration = Duration::from_secs(30);

/// Schedules the writes of progress of all nodes.
#[derive(Debug)]
pub(crate) struct Pace(Mutex<Instant>);

impl Default for Pace {
    fn default() -> Self {
        Self(Mutex::new(Instant::now()))
    }
}

impl Pace {
    /// When progress made at `now` must be written.
    pub(crate) fn due(&self, now: Instant) -> Instant {
        // A panic elsewhere cannot leave the instant inconsistent.
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *last = (*last + INTERVAL).clamp(now, now + LATEST);
        (*last).max(now + SOON)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_node_writes_progress_after_a_second_and_a_fleet_in_turns() {
        let pace = Pace::default();
        let now = Instant::now();
        assert_eq!(pace.due(now), now + SOON);

        let due: Vec<_> = (0..1000).map(|_| pace.due(now)).collect();
        let within = |seconds| due.iter().filter(|due| **due <= now + Duration::from_secs(seconds)).count();
        assert_eq!(within(10) - within(5), 25, "5 a second");
        assert_eq!(within(30), due.len(), "none waits longer than 30 s");

        let later = now + Duration::from_secs(31);
        assert_eq!(pace.due(later), later + SOON, "nothing is left of the wave");
    }
}
