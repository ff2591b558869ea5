//! The outcome of a step of a task, and what follows from it.

use std::time::Duration;

use sei_api::conditions::ReadyReason;

/// The outcome of a step of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The task is complete.
    Done,
    /// The task is complete; it acted on this object: the claim, the Job or the pod.
    DoneOn {
        /// Its UID.
        uid: String,
    },
    /// The task was requested from the sidecar; the response wakes the node.
    Requested,
    /// The sidecar accepted the task.
    Submitted,
    /// The sidecar is running it.
    Running,
    /// The task is waiting for something external.
    Waiting {
        /// Reason for the `Ready` condition.
        reason: ReadyReason,
        /// What it is waiting for, as text for users.
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
    /// The task type is unknown to the sidecar.
    TaskUnknown {
        /// Its message.
        error: String,
    },
    /// The task must be repeated with another ID, in a plan that replaces this one.
    Reissue,
    /// The bootstrap Job no longer exists and must be recreated.
    JobLost,
}

/// What to do after [`crate::Plan::advance`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The current task is complete: continue with the next one.
    Next,
    /// Requeue the current task after this time, or earlier if an event arrives.
    Later(Duration),
    /// The plan is Complete or Failed.
    Ended,
    /// Create a plan that replaces this one, with [`crate::supersede::reissue`].
    Replan,
}
