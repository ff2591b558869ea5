//! Errors of a pass over one object, and errors that end the controller. Problems of the object itself are
//! not errors: they are findings, outcomes and conditions.

use crate::{refusal::error_message, status_write::RecordError};

/// Errors that end the controller. Problems of single nodes never do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A watch or the queue of nodes ended, which must not happen while the operator runs.
    #[error("{what} ended unexpectedly: this is a bug in the operator, please report it")]
    Ended {
        /// What ended.
        what: &'static str,
    },
}

/// A pass that could not be completed. It is retried with backoff. Objects are named by kind, namespace and
/// name.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PassError {
    /// A request to the API server failed.
    #[error("failed to {doing} {object}: {}", error_message(source))]
    Api {
        /// What was being done.
        doing: &'static str,
        /// The object.
        object: String,
        /// The error of the API server or the client.
        source: Box<kube::Error>,
    },
    /// The status could not be written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The pass was based on an outdated version. It is retried with the current one.
    #[error("failed to write {object}: the object changed since it was read")]
    Outdated {
        /// The object to be written.
        object: String,
    },
    /// The state that the pass depends on cannot be observed.
    #[error(
        "{object} is not reconciled: the operator is not allowed to list and watch {kind} objects; grant it the permissions of its role"
    )]
    Denied {
        /// The object that is not reconciled.
        object: String,
        /// The kind that the API server denies.
        kind: &'static str,
    },
    /// The pass exceeded its time limit.
    #[error(
        "the reconcile of {object} did not finish within {seconds} s; check the latency of the API server"
    )]
    Deadline {
        /// The object.
        object: String,
        /// The limit.
        seconds: u64,
    },
    /// A bug in the operator; the pass was aborted and the process continues.
    #[error("the reconcile of {object} panicked: this is a bug in the operator, please report it")]
    Panicked {
        /// The object.
        object: String,
    },
}

impl PassError {
    /// A fixed set of values for metrics and logs.
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
