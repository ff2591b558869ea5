//! What can go wrong in a pass over one object, and what ends the controller. Troubles of the object itself are not
//! errors: they are findings, outcomes and conditions.

use crate::{refusal::words, status_write::RecordError};

/// What ends the controller. Troubles of single nodes never do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A watch or the queue of nodes ended, which neither should while the operator runs.
    #[error("{what} ended unexpectedly: this is a defect of the operator, please report it")]
    Ended {
        /// What ended.
        what: &'static str,
    },
}

/// A pass that could not be finished. It is repeated with a growing delay. Objects are named by kind, namespace and name.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PassError {
    /// The API server did not do what was asked.
    #[error("failed to {doing} {object}: {}", words(source))]
    Api {
        /// What was being done.
        doing: &'static str,
        /// To which object.
        object: String,
        /// The API server's or the client's words.
        source: Box<kube::Error>,
    },
    /// The status could not be written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// What a pass wrote was decided on an earlier version. The pass is repeated on the current one.
    #[error("failed to write {object}: the object changed since it was read")]
    Outdated {
        /// What was to be written.
        object: String,
    },
    /// What the pass depends on cannot be observed.
    #[error(
        "{object} is not reconciled: the operator is not allowed to list and watch {kind} objects; grant it the permissions of its role"
    )]
    Denied {
        /// What is not reconciled.
        object: String,
        /// The kind that the API server refuses.
        kind: &'static str,
    },
    /// The pass took longer than it ever should.
    #[error("the reconcile of {object} did not end within {seconds} s; check the API server's latency")]
    Deadline {
        /// What is reconciled.
        object: String,
        /// The limit.
        seconds: u64,
    },
    /// A bug in the operator; the pass was aborted and the process continues.
    #[error("the reconcile of {object} panicked: this is a defect of the operator, please report it")]
    Panicked {
        /// What is reconciled.
        object: String,
    },
}

impl PassError {
    /// Closed set of words for metrics and logs.
    pub(crate) fn category(&self) -> &'static str {
        match self {
            Self::Api { .. } => "api",
            Self::Record(RecordError::Conflict { .. }) | Self::Outdated { .. } => "conflict",
            Self::Record(RecordError::Api { .. }) => "record",
            Self::Denied { .. } => "denied",
            Self::Deadline { .. } => "deadline",
            Self::Panicked { .. } => "panic",
        }
    }
}
