//! State of a task between reconciles. It only saves work, and may be lost.

use sei_api::SeiNodeTask;

use crate::{sidecar::Watched, written::Latest};

#[derive(Default)]
pub(super) struct Memory {
    /// The task as returned by the last write, which the cache may not have yet.
    pub(super) task: Latest<SeiNodeTask>,
    /// The actor that follows the sidecar task, from the start of the task to its end.
    pub(super) sidecar: Option<Watched>,
}
