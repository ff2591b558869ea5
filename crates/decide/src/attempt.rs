//! What the sidecar's record of a task calls for.

use jiff::Timestamp;

/// What the sidecar knows of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// How far it is.
    pub state: State,
    /// How often it was started, where the sidecar says so.
    pub run: Option<i64>,
    /// Why it failed.
    pub error: Option<String>,
}

/// How far a task is at the sidecar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Under way.
    Running,
    /// Done.
    Completed,
    /// Ended with an error. A submission of the same id runs it again.
    Failed,
}

/// What the sidecar's record calls for.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The task is done.
    Completed,
    /// It is under way.
    Running,
    /// It is to be submitted.
    Submit,
    /// This attempt failed.
    Failed(String),
}

/// Judges the record of a task of which `retries` attempts were repeated. A failure counts when this attempt
/// was seen to be submitted, or when the sidecar's own count of runs says so: the operator may have ended
/// between submitting and writing that down.
pub fn judge(record: Option<&Record>, retries: i64, submitted: Option<Timestamp>) -> Verdict {
    let Some(record) = record else { return Verdict::Submit };
    match record.state {
        State::Completed => Verdict::Completed,
        State::Running => Verdict::Running,
        State::Failed => {
            let of_this_attempt = submitted.is_some() || retries == 0 || record.run == Some(retries + 1);
            let error = record.error.clone().filter(|error| !error.is_empty());
            match of_this_attempt {
                true => Verdict::Failed(error.unwrap_or_else(|| "the sidecar gives no reason".to_owned())),
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
        let now = Some(Timestamp::UNIX_EPOCH);
        for (record, retries, submitted, verdict) in [
            (None, 0, None, Verdict::Submit),
            (None, 2, now, Verdict::Submit),
            (Some(record(State::Running, Some(1))), 0, None, Verdict::Running),
            (Some(record(State::Completed, Some(1))), 0, None, Verdict::Completed),
            (Some(failed(Some(1))), 0, None, boom()),
            (Some(failed(Some(1))), 1, None, Verdict::Submit),
            (Some(failed(Some(2))), 1, None, boom()),
            (Some(failed(Some(40))), 0, None, boom()),
            (Some(failed(Some(40))), 1, None, Verdict::Submit),
            (Some(failed(Some(41))), 1, now, boom()),
            (Some(failed(None)), 1, None, Verdict::Submit),
            (Some(failed(None)), 1, now, boom()),
        ] {
            assert_eq!(judge(record.as_ref(), retries, submitted), verdict, "{record:?} {retries}");
        }
    }
}
