//! What can go wrong in a pass over one node, and what ends the controller. Troubles of the node itself are not
//! errors: they are findings, outcomes and conditions.

use crate::{record::RecordError, refusal::words};

/// What ends the controller. Troubles of single nodes never do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caches ended, which they never should.
    #[error("watch of {kind} ended; restart the operator")]
    WatchEnded {
        /// What was watched.
        kind: &'static str,
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
    /// The pass took longer than it ever should.
    #[error("pass over SeiNode {node} did not end within {seconds} s; check the API server's latency")]
    Deadline {
        /// `namespace/name`.
        node: String,
        /// The limit.
        seconds: u64,
    },
    /// A defect of the operator; the pass was stopped and the process goes on.
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
            Self::Deadline { .. } => "deadline",
            Self::Panicked { .. } => "panic",
        }
    }
}
