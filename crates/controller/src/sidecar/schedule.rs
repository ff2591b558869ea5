//! What an actor does next, and when. All times are read from the runtime's monotonic clock.

use std::time::Duration;

use sei_decide::TaskProgress;
use tokio::time::Instant;

use super::rhythm;

/// Queries that no pass waits for are sent only after an idle time of this length.
const PAUSE: Duration = Duration::from_secs(3);

/// After this many consecutive calls without a response, seid is reported as not responding.
const SILENCES: u32 = 4;

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Order,
    Probe,
    Seid,
    /// Whether seid halts at a height.
    Halt,
    Once(Once),
}

/// A query that is sent once per pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Once {
    NodeId,
    TaskType(&'static str),
    PlainPort,
}

/// The clocks of one actor.
pub(super) struct Schedule {
    /// Number of failed calls in a row.
    failures: u32,
    /// No call is made before this time.
    not_before: Instant,
    probe_at: Instant,
    health_since: Instant,
    /// `None` if no task is followed.
    poll_at: Option<Instant>,
    submitted_at: Option<Instant>,
    /// The sidecar of this pod has responded, so one-time queries may be sent.
    has_answered: bool,
    /// Number of one-time queries without a result in a row, and when to retry.
    unanswered: u32,
    once_at: Instant,
    /// Consecutive calls to seid without a response, and when to call it again.
    silences: u32,
    seid_at: Instant,
    /// The task was not submitted because a pass was active.
    is_suspended: bool,
}

impl Schedule {
    /// Starts with everything due. Health has been unchanged for `unchanged_for`.
    pub(super) fn new(unchanged_for: Duration) -> Self {
        let now = Instant::now();
        Self {
            failures: 0,
            not_before: now,
            probe_at: now,
            health_since: now.checked_sub(unchanged_for).unwrap_or(now),
            poll_at: None,
            submitted_at: None,
            has_answered: false,
            unanswered: 0,
            once_at: now,
            silences: 0,
            seid_at: now + rhythm::silent_seid(1, fastrand::f64()),
            is_suspended: false,
        }
    }

    /// What is due next, and when. After a failure only the most urgent call is made, so that one problem is
    /// not alternately reported as two.
    pub(super) fn next(&self, probes: bool, seid: bool, unknown: &[Once]) -> Option<(Due, Instant)> {
        let order = self.poll_at.map(|at| (Due::Order, at));
        let probe = probes.then_some((Due::Probe, self.probe_at));
        let next = match self.failures {
            0 => order.into_iter().chain(probe).min_by_key(|(_, at)| *at),
            _ => order.or(probe.map(|(due, _)| (due, self.not_before))),
        };
        let pauses = next.is_none_or(|(_, at)| at > Instant::now() + PAUSE);
        let once = self.pick(unknown, pauses).map(|once| (Due::Once(once), self.once_at));
        let first = match (once, next) {
            (Some(once), Some(next)) if next.1 < once.1 => Some(next),
            (once, next) => once.or(next),
        };
        let first = first.map(|(due, at)| (due, at.max(self.not_before)));
        // It waits for no task, and seid is queried even if the sidecar does not respond.
        let seid = (seid && !self.follows()).then_some((Due::Seid, self.seid_at));
        first.into_iter().chain(seid).min_by_key(|(_, at)| *at)
    }

    /// Selects a one-time query in rotation, so that one without a result does not block the others.
    fn pick(&self, unknown: &[Once], pauses: bool) -> Option<Once> {
        let may_ask = |once: &&Once| pauses || **once != Once::PlainPort;
        let askable: Vec<_> = unknown.iter().filter(may_ask).collect();
        let turn = usize::try_from(self.unanswered).unwrap_or_default().checked_rem(askable.len())?;
        (self.failures == 0 && self.has_answered).then(|| *askable[turn])
    }

    /// Whether the last call failed.
    pub(super) fn is_silent(&self) -> bool {
        self.failures > 0
    }

    /// Whether seid did not respond last time.
    pub(super) fn is_seid_silent(&self) -> bool {
        self.silences > 0
    }

    /// Whether the sidecar of this pod has responded.
    pub(super) fn has_answered(&self) -> bool {
        self.has_answered
    }

    /// Whether this actor has submitted the current attempt.
    pub(super) fn was_submitted(&self) -> bool {
        self.submitted_at.is_some()
    }

    /// Something happened that may change any response.
    pub(super) fn query_all_again(&mut self) {
        let now = Instant::now();
        self.failures = 0;
        self.not_before = now;
        self.probe_at = now;
        self.poll_at = self.poll_at.map(|_| now);
        self.once_at = now;
    }

    /// The pod was replaced: the known health belongs to another process.
    pub(super) fn pod_changed(&mut self) {
        self.health_since = Instant::now();
        self.submitted_at = None;
        self.has_answered = false;
        self.unanswered = 0;
        self.silences = 0;
        self.seid_at = Instant::now() + rhythm::silent_seid(1, fastrand::f64());
    }

    /// Another attempt is followed.
    pub(super) fn attempt_changed(&mut self) {
        self.submitted_at = None;
    }

    /// A task is followed, or not.
    pub(super) fn ordered(&mut self, follows: bool) {
        self.poll_at = follows.then(Instant::now);
        self.is_suspended = false;
    }

    /// Whether a task is polled, or will be when a pass has ended.
    pub(super) fn follows(&self) -> bool {
        self.poll_at.is_some() || self.is_suspended
    }

    /// Health is unknown.
    pub(super) fn probe_now(&mut self) {
        self.probe_at = self.probe_at.min(Instant::now());
    }

    /// The pass has ended.
    pub(super) fn resume(&mut self) {
        if self.is_suspended {
            self.ordered(true);
        }
    }

    /// The sidecar responded.
    pub(super) fn answered(&mut self) {
        self.failures = 0;
        self.not_before = Instant::now();
        self.has_answered = true;
    }

    /// A one-time query had a result, or is retried later.
    pub(super) fn one_time_query_ended(&mut self, has_result: bool) {
        self.unanswered = if has_result { 0 } else { self.unanswered.saturating_add(1) };
        let delay =
            if has_result { Duration::ZERO } else { rhythm::retry(self.unanswered, false, fastrand::f64()) };
        self.once_at = Instant::now() + delay;
    }

    /// seid responded and is catching up or not, or it did not respond. Returns whether that must be reported: seid
    /// does not respond for a while whenever it restarts.
    pub(super) fn seid_queried(&mut self, catching_up: Option<bool>) -> bool {
        self.silences = if catching_up.is_some() { 0 } else { self.silences.saturating_add(1) };
        let delay = match catching_up {
            Some(catching_up) => rhythm::seid(catching_up, fastrand::f64()),
            None => rhythm::silent_seid(self.silences, fastrand::f64()),
        };
        self.seid_at = Instant::now() + delay;
        catching_up.is_some() || self.silences >= SILENCES
    }

    /// A call failed.
    pub(super) fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
        self.not_before =
            Instant::now() + rhythm::retry(self.failures, self.poll_at.is_some(), fastrand::f64());
    }

    /// Health was probed, and has changed or not.
    pub(super) fn probed(&mut self, changed: bool) {
        let now = Instant::now();
        if changed {
            self.health_since = now;
        }
        self.probe_at = now + rhythm::health(now.duration_since(self.health_since), fastrand::f64());
    }

    /// Nothing may be submitted before the active pass has ended.
    pub(super) fn suspended(&mut self) {
        self.poll_at = None;
        self.is_suspended = true;
    }

    /// The followed task has this progress.
    pub(super) fn progressed(&mut self, progress: &TaskProgress) {
        let now = Instant::now();
        self.poll_at = match progress {
            TaskProgress::Submitted | TaskProgress::Running => {
                let elapsed = now.duration_since(*self.submitted_at.get_or_insert(now));
                Some(now + rhythm::task(elapsed, fastrand::f64()))
            }
            TaskProgress::Held => Some(now + rhythm::hold(fastrand::f64())),
            // Nothing changes until a pass orders something else.
            TaskProgress::Unknown
            | TaskProgress::Lost
            | TaskProgress::Completed
            | TaskProgress::Failed(_)
            | TaskProgress::Refused(..) => None,
        };
    }
}
