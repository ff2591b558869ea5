//! What an actor does with the result of a call: it publishes what changed and schedules the next call.

use jiff::Timestamp;
use sei_decide::{Answer, Health, SeidStatus, TaskProgress, TaskResult, Trouble, TroubleKind};
use sei_sidecar::Error;

use super::{
    super::{
        calls::{CallResult, Dial, Followed, HaltObservation},
        schedule::Due,
        state::State,
        target::Target,
    },
    Actor, Report,
};

impl<D: Dial, R: Report> Actor<D, R> {
    pub(super) fn learned(&mut self, target: &Target, learned: CallResult) {
        let at = Timestamp::now();
        self.schedule.answered();
        let shared = self.shared.clone();
        let mut changed;
        {
            let mut state = shared.lock();
            if !state.is_at(target) {
                return;
            }
            changed = state.known.trouble.take().is_some();
            match learned {
                CallResult::PlainPort(answers) => {
                    self.schedule.one_time_query_ended(true);
                    state.known.plain_port_answers = Some(answers);
                    changed |= answers;
                }
                CallResult::NodeId(id) => {
                    self.schedule.one_time_query_ended(id.is_some());
                    changed |= id.is_some();
                    state.known.node_id = id;
                }
                CallResult::TaskType(kind, supported) => {
                    self.schedule.one_time_query_ended(supported.is_some());
                    changed |= supported.is_some();
                    state.known.task_types.extend(supported.map(|supported| (kind, supported)));
                }
                // They contain no information about the sidecar.
                CallResult::Seid(_) | CallResult::Halt(_) => {}
                CallResult::Health(health) => changed |= self.health(&mut state, health, at),
                CallResult::Suspended => self.schedule.suspended(),
                CallResult::Task(Followed { progress, health, result }) => {
                    if let Some(health) = health {
                        changed |= self.health(&mut state, health, at);
                    }
                    changed |= self.progress(&mut state, progress, result, at);
                }
            }
        }
        if changed {
            self.report.changed();
        }
    }

    /// Records a status of seid. A pass is triggered when it has caught up or fallen behind, not at every block.
    pub(super) fn seid(&mut self, target: &Target, status: Option<SeidStatus>) {
        let at = Timestamp::now();
        let catches_up = |status: &Option<SeidStatus>| status.as_ref().map(|seid| seid.catching_up);
        if !self.schedule.seid_queried(catches_up(&status)) {
            return;
        }
        let changed = {
            let mut state = self.shared.lock();
            if !state.is_at(target) {
                return;
            }
            let is_other = |known: &Answer<_>| catches_up(&known.value) != catches_up(&status);
            let changed = state.known.seid.as_ref().is_none_or(is_other);
            state.known.seid = Some(Answer { at, value: status });
            changed
        };
        if changed {
            self.report.changed();
        }
    }

    /// Records what was seen of the height at which seid must halt. This wakes the group that waits for it, not the
    /// node.
    pub(super) fn halt(&mut self, seen: HaltObservation) {
        let Some(watch) = &mut self.watch else { return };
        let halt = watch.record(seen);
        let is_news = {
            let mut state = self.shared.lock();
            let is_news = state.halt != halt && state.awaited.as_ref() == Some(&watch.awaited);
            if is_news {
                state.halt = halt;
            }
            is_news
        };
        if is_news {
            (watch.awaited.changed)();
        }
    }

    /// Whether a pass should observe it.
    fn health(&mut self, state: &mut State, health: Health, at: Timestamp) -> bool {
        let changed = state.known.health.as_ref().is_none_or(|known| known.value != health);
        state.known.health = Some(Answer { at, value: health });
        self.schedule.probed(changed);
        self.report.probed(Some(health));
        changed
    }

    /// Whether a pass should observe it. A submission is not reported: most tasks are complete before the
    /// next poll.
    fn progress(
        &mut self,
        state: &mut State,
        progress: TaskProgress,
        result: Option<TaskResult>,
        at: Timestamp,
    ) -> bool {
        let Some(order) = &self.order else { return false };
        self.schedule.progressed(&progress);
        if !state.order.as_ref().is_some_and(|current| current.is_attempt_of(order)) {
            return false;
        }
        let report = order.report(progress, result);
        let is_news = report.progress != TaskProgress::Submitted
            && state.known.task.as_ref().is_none_or(|known| known.value != report);
        state.known.task = Some(Answer { at, value: report });
        is_news
    }

    pub(super) fn failed(&mut self, due: Due, target: &Target, error: &Error) {
        self.schedule.failed();
        // The next connection resolves the name again.
        self.connection = None;
        if due == Due::Probe {
            self.report.probed(None);
        }
        let kind = match error {
            Error::Unauthorized { .. } | Error::Forbidden { .. } | Error::Token { .. } => {
                TroubleKind::AccessDenied
            }
            _ => TroubleKind::Unreachable,
        };
        let trouble = Some(Trouble { kind, message: error.to_string() });
        let changed = {
            let mut state = self.shared.lock();
            let changed = state.is_at(target) && state.known.trouble != trouble;
            if changed {
                state.known.trouble = trouble;
            }
            changed
        };
        if changed {
            self.report.changed();
        }
    }
}
