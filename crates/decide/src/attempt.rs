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

/// Evaluates the record of a task after `retries` retries. A failure counts if this attempt is known to have
/// been submitted, or if the sidecar's own number of runs says so: the operator may have stopped between
/// submitting it and recording that.
pub fn judge(record: Option<&Record>, retries: i64, was_submitted: bool) -> Verdict {
    let Some(record) = record else { return Verdict::Submit };
    match record.state {
        State::Completed => Verdict::Completed,
        State::Running => Verdict::Running,
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
        Record { state, run, error: Some("boom".to_owned()) }
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
