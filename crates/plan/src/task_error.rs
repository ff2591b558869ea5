//! Why a stored task cannot be run.

/// Why a stored task cannot be run, or its request cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// Unknown task type.
    #[error(
        "unknown task type {0:?}: the plan was stored by another version of the operator; set annotation sei.io/retry to create a new plan"
    )]
    UnknownType(String),
    /// A parameter has an unexpected form.
    #[error("parameter {field} of task {task} cannot be used: {why}")]
    WrongParam {
        /// Task type.
        task: String,
        /// Name of the parameter.
        field: String,
        /// What is wrong with it.
        why: String,
    },
    /// No source of peers has any peers at the moment.
    #[error("no SeiNode matches the label selectors of spec.peers")]
    NoPeers,
}
