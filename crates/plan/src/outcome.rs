//! What a step of a task came to, and what follows from it.

use std::time::Duration;

use sei_api::conditions::ReadyReason;

/// What a step of a task came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The task is done.
    Done,
    /// The task is done on this object: the claim, the Job or the pod.
    DoneOn {
        /// Its UID.
        uid: String,
    },
    /// The sidecar was asked for the task; its answer wakes the node.
    Requested,
    /// The sidecar took the task.
    Submitted,
    /// The sidecar works on it.
    Running,
    /// Something outside has to happen first.
    Waiting {
        /// Reason for the `Ready` condition.
        reason: ReadyReason,
        /// For a person: what is waited for.
        detail: String,
    },
    /// The attempt failed; another one may succeed.
    AttemptFailed {
        /// Why.
        error: String,
    },
    /// No attempt can succeed.
    Rejected {
        /// Why, and what to do.
        error: String,
    },
    /// The sidecar does not know the task.
    TaskUnknown {
        /// Its words.
        error: String,
    },
    /// The task has to be done again under another id, by a plan that takes this one's place.
    Reissue,
    /// The bootstrap Job is gone: it has to be created again.
    JobLost,
}

/// What to do after [`crate::Plan::advance`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The current task is done: go on with the next one.
    Next,
    /// Look at the current task again after this time, sooner if an event comes.
    Later(Duration),
    /// The plan is Complete or Failed.
    Ended,
    /// Make a plan that takes this one's place, with [`crate::supersede::reissue`].
    Replan,
}
