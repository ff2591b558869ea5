//! The actor of one sidecar: it probes, follows the ordered task, and publishes what it observes. Calls are made one
//! after another, each with a deadline, and are aborted when the pod is replaced.

mod results;

use std::time::Duration;

use sei_decide::Health;
use tokio::time::{Instant, sleep_until};
use tracing::{Instrument, Span};
use uuid::Uuid;

use super::{
    calls::{CallResult, Dial, follow, probe, query_once, query_seid, submit},
    halt::{self, Watch},
    permits::Permits,
    schedule::{Due, Schedule},
    state::{Order, Shared},
    target::Target,
};

/// Idle timeout of a connection.
const KEEP: Duration = Duration::from_secs(8);

/// Receives the reports of an actor.
pub(super) trait Report: Send + 'static {
    /// Something changed that a pass should observe.
    fn changed(&self);
    /// Health was probed; `None` if there was no response.
    fn probed(&self, health: Option<Health>);
}

/// The actor of one sidecar.
pub(super) struct Actor<D: Dial, R> {
    shared: Shared,
    dial: D,
    permits: Permits,
    report: R,
    schedule: Schedule,
    connection: Option<D::Connection>,
    target: Option<Target>,
    order: Option<Order>,
    watch: Option<Watch>,
    events: u64,
    /// The last ordered task that the sidecar was called about.
    called: Option<Uuid>,
}

impl<D: Dial, R: Report> Actor<D, R> {
    /// An actor for a node whose health has been unchanged for `unchanged_for`.
    pub(super) fn new(shared: Shared, dial: D, permits: Permits, report: R, unchanged_for: Duration) -> Self {
        let schedule = Schedule::new(unchanged_for);
        let (connection, target, order, watch, called) = Default::default();
        Self { shared, dial, permits, report, schedule, connection, target, order, watch, events: 0, called }
    }

    /// Runs until it is dropped.
    pub(super) async fn run(mut self) {
        loop {
            let Some((due, at)) = self.next() else {
                self.connection = None;
                self.shared.notified().await;
                continue;
            };
            if at > Instant::now() + KEEP {
                self.connection = None;
            }
            tokio::select! {
                biased;
                () = self.shared.notified() => {}
                () = sleep_until(at) => self.perform(due).await,
            }
        }
    }

    /// Adopts the current orders, and returns what is due next.
    fn next(&mut self) -> Option<(Due, Instant)> {
        let state = self.shared.lock();
        if state.target != self.target {
            if !self.target.as_ref().is_some_and(|target| state.is_at(target)) {
                self.schedule.pod_changed();
                self.watch.iter_mut().for_each(Watch::pod_changed);
            }
            self.connection = None;
            self.target.clone_from(&state.target);
            self.schedule.query_all_again();
        }
        if state.events != self.events {
            self.events = state.events;
            self.schedule.query_all_again();
        }
        match (&state.order, &self.order) {
            (None, _) => self.schedule.ordered(false),
            (Some(new), Some(old)) if new.is_attempt_of(old) => {
                let can_submit = new.request.is_some() && old.request.is_none();
                // The known state belongs to another pod.
                let is_forgotten = !state.reports(new) && !self.schedule.follows();
                if can_submit || is_forgotten {
                    self.schedule.ordered(true);
                }
            }
            (Some(_), _) => {
                self.schedule.attempt_changed();
                self.schedule.ordered(true);
            }
        }
        if state.known.health.is_none() {
            self.schedule.probe_now();
        }
        self.order.clone_from(&state.order);
        if !state.suspended {
            self.schedule.resume();
        }
        if state.awaited.as_ref() != self.watch.as_ref().map(|watch| &watch.awaited) {
            self.watch = state.awaited.clone().map(Watch::new);
        }
        let target = self.target.as_ref()?;
        let next = self.schedule.next(state.queries.health, state.queries.seid, &state.unknown(target));
        let halt = self.watch.as_ref().map(|watch| (Due::Halt, watch.at));
        next.into_iter().chain(halt).min_by_key(|(_, at)| *at)
    }

    async fn perform(&mut self, due: Due) {
        let Some(target) = self.target.clone() else { return };
        let watch = self.watch.as_mut().filter(|_| due == Due::Halt);
        let awaited = watch.map(|watch| watch.begin_query());
        let connection = match self.connection.take().map_or_else(|| self.dial.dial(&target), Ok) {
            Ok(connection) => self.connection.insert(connection).clone(),
            Err(error) => return self.failed(due, &target, &error),
        };
        let (shared, permits, order) = (self.shared.clone(), self.permits.clone(), self.order.clone());
        let is_silent = match due {
            Due::Seid => self.schedule.is_seid_silent(),
            Due::Halt => self.watch.as_ref().is_some_and(Watch::is_silent),
            Due::Order | Due::Probe | Due::Once(_) => self.schedule.is_silent(),
        };
        let was_submitted = self.schedule.was_submitted();
        let mut is_unknown = false;
        if let (Due::Order, Some(order)) = (due, &order) {
            // A submission that may have arrived would bind the plan to a sidecar that has perhaps never run.
            let is_up = self.schedule.has_answered();
            is_unknown = is_up && order.is_new && self.called != Some(order.id);
            self.called = Some(order.id);
        }
        let cause = if due == Due::Order { shared.lock().cause.take() } else { None };
        let span =
            tracing::debug_span!(parent: &cause.unwrap_or_else(Span::none), "sidecar", host = target.host);
        // Boxed: thousands of actors wait, and few of them make a call.
        let mut call = Box::pin(
            async {
                let _permit = permits.acquire(is_silent).await;
                if let Some((awaited, seen)) = &awaited {
                    return Ok(CallResult::Halt(halt::query(&connection, awaited, *seen).await));
                }
                match (due, &order) {
                    (Due::Order, Some(order)) if is_unknown => submit(&connection, &shared, order).await,
                    (Due::Order, Some(order)) => follow(&connection, &shared, order, was_submitted).await,
                    (Due::Seid, _) => Ok(query_seid(&connection).await),
                    (Due::Once(once), _) => Ok(query_once(&connection, once).await),
                    (Due::Order | Due::Probe | Due::Halt, _) => {
                        probe(&connection).await.map(CallResult::Health)
                    }
                }
            }
            .instrument(span),
        );
        let answer = loop {
            tokio::select! {
                biased;
                answer = &mut call => break answer,
                // New orders are read before the next wait.
                () = self.shared.notified() => {
                    if !self.shared.lock().is_at(&target) {
                        return;
                    }
                }
            }
        };
        match answer {
            Ok(CallResult::Seid(status)) => self.seid(&target, status),
            Ok(CallResult::Halt(seen)) => self.halt(seen),
            Ok(learned) => self.learned(&target, learned),
            Err(error) => self.failed(due, &target, &error),
        }
    }
}
