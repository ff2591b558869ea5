//! Durations: of polls, of retries, and of waits before they become `Stalled`. Pure arithmetic; jitter is an
//! argument in `0.0..1.0`.

use std::time::Duration;

use jiff::Timestamp;

use crate::TaskKind;

const POLL_FIRST: Duration = Duration::from_millis(100);
const POLL_LAST: Duration = Duration::from_secs(5);
/// Requeue interval for changes that wake the node anyway: only the time limit of the wait is checked then.
pub(crate) const WATCHED: Duration = Duration::from_secs(60);

/// Poll interval for something that started `elapsed` ago: from 100 ms, growing to 5 s.
pub(crate) fn poll_delay(elapsed: Duration, jitter: f64) -> Duration {
    spread((elapsed / 2).clamp(POLL_FIRST, POLL_LAST), jitter)
}

/// Delay before retry number `retry` (from 1). Tasks that wait for other nodes (the genesis of a group, peers
/// that start) keep the short intervals that their large retry budgets were chosen for: 10 s, 20 s, then 30
/// s. All others start at 5 s and double up to 5 min.
pub fn retry_delay(kind: Option<TaskKind>, retry: i64, jitter: f64) -> Duration {
    let doublings = u32::try_from(retry.clamp(1, 16)).unwrap_or(1);
    let delay = match kind {
        Some(TaskKind::ConfigureGenesis | TaskKind::DiscoverPeers) => {
            Duration::from_secs(5 * (1 << doublings)).min(Duration::from_secs(30))
        }
        _ => Duration::from_secs(5 * (1 << (doublings - 1))).min(Duration::from_secs(300)),
    };
    spread(delay, jitter)
}

/// How long a task may wait for something external before it is reported as stalled. It keeps waiting.
pub fn wait_limit(kind: TaskKind) -> Duration {
    let minutes = match kind {
        // Volumes of tens of terabytes and manually issued certificates take time.
        TaskKind::EnsureDataPvc => 30,
        TaskKind::ValidateSigningKey | TaskKind::ValidateNodeKey | TaskKind::ValidateOperatorKeyring => 30,
        // Runs up to a height: hours to days.
        TaskKind::AwaitBootstrapComplete => 7 * 24 * 60,
        // Downloads of terabytes.
        TaskKind::SnapshotRestore => 24 * 60,
        // The pod has to be scheduled on a node that may have to be provisioned first.
        TaskKind::ObserveImage | TaskKind::ReplacePod | TaskKind::TeardownBootstrap => 30,
        // The group's genesis, and peers that are created one after another.
        TaskKind::ConfigureGenesis | TaskKind::SetGenesisPeers | TaskKind::DiscoverPeers => 120,
        TaskKind::ConfigureStateSync => 60,
        // seid is catching up before its pod is ready after an update.
        TaskKind::MarkReady => 60,
        _ => 30,
    };
    Duration::from_secs(minutes * 60)
}

/// `delay` plus jitter of up to a quarter.
fn spread(delay: Duration, jitter: f64) -> Duration {
    delay.mul_f64(1.0 + 0.25 * jitter.clamp(0.0, 1.0))
}

/// Time from `since` to `now`; zero if the clock went backwards.
pub(crate) fn elapsed(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_slow_down_to_five_seconds() {
        let seconds = |elapsed| poll_delay(Duration::from_secs_f64(elapsed), 0.0).as_secs_f64();
        assert_eq!([seconds(0.0), seconds(1.0), seconds(8.0), seconds(3600.0)], [0.1, 0.5, 4.0, 5.0]);
    }

    #[test]
    fn retry_delays_double_up_to_the_limit() {
        let row = |kind| (1..=8).map(|k| retry_delay(kind, k, 0.0).as_secs()).collect::<Vec<_>>();
        assert_eq!(row(Some(TaskKind::ConfigApply)), [5, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(row(Some(TaskKind::ConfigureGenesis)), [10, 20, 30, 30, 30, 30, 30, 30]);
        assert_eq!(retry_delay(None, i64::MAX, 1.0).as_secs(), 375);
    }
}
