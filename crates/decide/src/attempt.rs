//! Evaluates the sidecar's record of a task.

/// The sidecar's record of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its state.
    pub state: State,
    /// How many times it was started, if the sidecar reports it.
    pub run: Option<i64>,
    /// Why it failed.
    pub error: Option<String>,
    /// Whether the task runs until its process ends: its termination is then not a failure.
    pub is_endless: bool,
}

/// State of a task at the sidecar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Running.
    Running,
    /// Completed.
    Completed,
    /// Failed. Submitting the same ID runs it again.
    Failed,
}

/// What to do according to the sidecar's record.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The task is complete.
    Completed,
    /// It is running.
    Running,
    /// It has to be submitted.
    Submit,
    /// This attempt failed.
    Failed(String),
}

/// Error of a task that releases before v0.0.61 record when their process is terminated while it runs.
const CANCELED: &str = "context canceled";
/// How many runs of an attempt may end like this before it counts as failed.
const CANCELED_RUNS: i64 = 10;

impl Record {
    /// Whether it ended because the process of the sidecar was terminated.
    fn was_canceled(&self, retries: i64) -> bool {
        let error = self.error.as_deref().unwrap_or_default();
        let is_canceled = error == CANCELED || error.ends_with(&format!(": {CANCELED}"));
        let is_soon = self.run.is_some_and(|run| run <= retries + CANCELED_RUNS);
        is_canceled && (self.is_endless || is_soon)
    }
}

/// Evaluates the record of a task after `retries` retries. A failure counts if this attempt is known to have been
/// submitted, or if the number of runs reported by the sidecar shows it: the operator may have stopped between
/// submitting it and recording that.
pub fn judge(record: Option<&Record>, retries: i64, was_submitted: bool) -> Verdict {
    let Some(record) = record else { return Verdict::Submit };
    match record.state {
        State::Completed => Verdict::Completed,
        State::Running => Verdict::Running,
        State::Failed if record.was_canceled(retries) => Verdict::Submit,
        State::Failed => {
            let of_this_attempt = was_submitted || retries == 0 || record.run == Some(retries + 1);
            let error = record.error.clone().filter(|error| !error.is_empty());
            match of_this_attempt {
                true => Verdict::Failed(error.unwrap_or_else(|| "the sidecar gave no reason".to_owned())),
                false => Verdict::Submit,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(state: State, run: Option<i64>) -> Record {
        Record { state, run, error: Some("boom".to_owned()), is_endless: false }
    }

    #[test]
    fn a_task_canceled_by_a_process_exit_is_resubmitted_within_its_retry_budget() {
        let canceled =
            |error: &str, run| Record { error: Some(error.to_owned()), ..record(State::Failed, run) };
        let endless = |error: &str, run| Record { is_endless: true, ..canceled(error, run) };
        for (record, verdict) in [
            (canceled("context canceled", Some(1)), Verdict::Submit),
            (canceled("S3: download: context canceled", Some(10)), Verdict::Submit),
            (canceled("context canceled", Some(11)), Verdict::Failed("context canceled".to_owned())),
            (canceled("context canceled", None), Verdict::Failed("context canceled".to_owned())),
            (endless("context canceled", Some(1000)), Verdict::Submit),
            (endless("boom", Some(1000)), Verdict::Failed("boom".to_owned())),
            (
                canceled("context canceled by peer", Some(1)),
                Verdict::Failed("context canceled by peer".to_owned()),
            ),
        ] {
            assert_eq!(judge(Some(&record), 0, true), verdict, "{record:?}");
        }
    }

    #[test]
    fn only_a_failure_of_this_attempt_counts() {
        let failed = |run| record(State::Failed, run);
        let boom = || Verdict::Failed("boom".to_owned());
        for (record, retries, was_submitted, verdict) in [
            (None, 0, false, Verdict::Submit),
            (None, 2, true, Verdict::Submit),
            (Some(record(State::Running, Some(1))), 0, false, Verdict::Running),
            (Some(record(State::Completed, Some(1))), 0, false, Verdict::Completed),
            (Some(failed(Some(1))), 0, false, boom()),
            (Some(failed(Some(1))), 1, false, Verdict::Submit),
            (Some(failed(Some(2))), 1, false, boom()),
            (Some(failed(Some(40))), 0, false, boom()),
            (Some(failed(Some(40))), 1, false, Verdict::Submit),
            (Some(failed(Some(41))), 1, true, boom()),
            (Some(failed(None)), 1, false, Verdict::Submit),
            (Some(failed(None)), 1, true, boom()),
        ] {
            assert_eq!(judge(record.as_ref(), retries, was_submitted), verdict, "{record:?} {retries}");
        }
    }
}
