//! Intervals and delays of an actor. Pure arithmetic; jitter is an argument in `0.0..1.0`.

use std::time::Duration;

const TASK: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
const HEALTH: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(300));
const RETRY: Duration = Duration::from_millis(250);
/// Maximum backoff while a task waits.
const RETRY_TASK: Duration = Duration::from_secs(60);
/// While seid catches up, and otherwise.
const SEID: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(60));
const SEID_RETRY: Duration = Duration::from_secs(5);
/// How often a node that another client holds is checked.
const HOLD: Duration = Duration::from_secs(15);
/// The shortest time between two blocks of a chain.
const BLOCK: Duration = Duration::from_millis(200);
const HALT: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));

/// Poll interval of a task that was submitted `elapsed` ago: half that time, from 100 ms to 5 s.
pub(super) fn task(elapsed: Duration, jitter: f64) -> Duration {
    spread((elapsed / 2).clamp(TASK.0, TASK.1), jitter)
}

/// Probe interval of a sidecar whose health has been unchanged for `unchanged_for`: a quarter of that time, from 10 s
/// to 5 min.
pub(super) fn health(unchanged_for: Duration, jitter: f64) -> Duration {
    spread((unchanged_for / 4).clamp(HEALTH.0, HEALTH.1), jitter)
}

/// Backoff after this many consecutive failed calls: 250 ms, doubling up to a minute while a task waits, or else up to
/// 5 min.
pub(super) fn retry(failures: u32, task_waits: bool, jitter: f64) -> Duration {
    let longest = if task_waits { RETRY_TASK } else { HEALTH.1 };
    spread(doubled(RETRY, failures, longest), jitter)
}

/// Delay before a hold is checked again.
pub(super) fn hold(jitter: f64) -> Duration {
    spread(HOLD, jitter)
}

/// Delay before a seid that responds is queried again: half a minute while it catches up, otherwise a minute.
pub(super) fn seid(catching_up: bool, jitter: f64) -> Duration {
    spread(if catching_up { SEID.0 } else { SEID.1 }, jitter)
}

/// Delay before a seid that did not respond to this many consecutive calls is queried again: 5 s, doubling up to 5 min.
pub(super) fn silent_seid(failures: u32, jitter: f64) -> Duration {
    spread(doubled(SEID_RETRY, failures, HEALTH.1), jitter)
}

/// Delay before a seid that must halt is queried again. It lacks `missing` blocks to the last one before the height,
/// and its response has been the same for `unchanged_for`: as long as the blocks take, or else an eighth of that time, from 2 s
/// to a minute.
pub(super) fn halt(missing: Option<u64>, unchanged_for: Duration, jitter: f64) -> Duration {
    let delay = match missing.and_then(|blocks| u32::try_from(blocks).ok()).filter(|blocks| *blocks > 0) {
        Some(blocks) => BLOCK.saturating_mul(blocks),
        None => unchanged_for / 8,
    };
    spread(delay.clamp(HALT.0, HALT.1), jitter)
}

/// `first`, doubled with each further failure, up to `longest`.
fn doubled(first: Duration, failures: u32, longest: Duration) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    first.saturating_mul(1 << doublings).min(longest)
}

/// `delay` plus jitter of up to a quarter, so that simultaneous calls are spread.
fn spread(delay: Duration, jitter: f64) -> Duration {
    delay.mul_f64(1.0 + 0.25 * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_of_a_task_slow_down_to_five_seconds() {
        let after = |seconds: f64| task(Duration::from_secs_f64(seconds), 0.0).as_secs_f64();
        assert_eq!([after(0.0), after(1.0), after(8.0), after(3600.0)], [0.1, 0.5, 4.0, 5.0]);
    }

    #[test]
    fn probe_intervals_grow_while_the_sidecar_is_stable() {
        let after = |seconds| health(Duration::from_secs(seconds), 0.0).as_secs();
        assert_eq!([after(0), after(60), after(400), after(90_000)], [10, 15, 100, 300]);
    }

    #[test]
    fn retry_delays_double_up_to_the_limit() {
        let row = |waits| (8..=12).map(|failures| retry(failures, waits, 0.0).as_secs()).collect::<Vec<_>>();
        assert_eq!(retry(1, true, 0.0), Duration::from_millis(250));
        assert_eq!(row(true), [32, 60, 60, 60, 60]);
        assert_eq!(row(false), [32, 64, 128, 256, 300]);
        assert_eq!(retry(u32::MAX, true, 1.0), Duration::from_secs(75));
    }
}
