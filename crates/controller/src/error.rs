//! What can go wrong in a pass over one node, and what ends the controller. Troubles of the node itself are not
//! errors: they are findings, outcomes and conditions.

use crate::{record::RecordError, refusal::words};

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

/// A pass that could not be finished. It is repeated with a growing delay.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PassError {
    /// The API server did not do what was asked.
    #[error("{doing} of SeiNode {node} failed: {}", words(source))]
    Api {
        /// What was being done.
        doing: &'static str,
        /// `namespace/name`.
        node: String,
        /// The API server's or the client's words.
        source: Box<kube::Error>,
    },
    /// The status could not be written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// What the pass depends on cannot be observed.
    #[error(
        "SeiNode {node} is not reconciled: the operator is not allowed to list and watch {kind} objects; grant it the permissions of its role"
    )]
    Denied {
        /// `namespace/name`.
        node: String,
        /// The kind that the API server refuses.
        kind: &'static str,
    },
    /// The pass took longer than it ever should.
    #[error("pass over SeiNode {node} did not end within {seconds} s; check the API server's latency")]
    Deadline {
        /// `namespace/name`.
        node: String,
        /// The limit.
        seconds: u64,
    },
    /// A bug in the operator; the pass was aborted and the process continues.
    #[error("pass over SeiNode {node} panicked: this is a defect of the operator, please report it")]
    Panicked {
        /// `namespace/name`.
        node: String,
    },
}

impl PassError {
    /// Closed set of words for metrics and logs.
    pub(crate) fn category(&self) -> &'static str {
        match self {
            Self::Api { .. } => "api",
            Self::Record(RecordError::Conflict { .. }) => "conflict",
            Self::Record(RecordError::Api { .. }) => "record",
            Self::Denied { .. } => "denied",
            Self::Deadline { .. } => "deadline",
            Self::Panicked { .. } => "panic",
        }
    }
}
