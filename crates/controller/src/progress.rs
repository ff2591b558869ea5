//! Progress of a plan that is not stored yet. Most tasks of a sidecar take less than a second, and a write
//! for each costs more than it is worth: progress that a new process can recover by querying the sidecar
//! waits for the next write.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sei_api::{SeiNode, SeiNodeStatus};
use sei_decide::is_progress;

use crate::{context::Context, memory::Unsaved};

/// The node with the progress that is not stored yet, unless another client has written its status since.
pub(crate) fn with_unsaved(ctx: &Context, stored: &Arc<SeiNode>) -> Arc<SeiNode> {
    ctx.memory(stored, |memory| {
        let is_same = |read: &Arc<SeiNode>| Arc::ptr_eq(read, stored) || read.status == stored.status;
        memory.unsaved.take_if(|unsaved| !is_same(&unsaved.stored));
        match &memory.unsaved {
            None => Arc::clone(stored),
            Some(unsaved) => {
                let status = Some(unsaved.status.clone());
                Arc::new(SeiNode { metadata: stored.metadata.clone(), spec: stored.spec.clone(), status })
            }
        }
    })
}

/// Defers writing `status`, if possible. Returns the deadline; `None` if it must be written now.
pub(crate) fn keep(ctx: &Context, stored: &Arc<SeiNode>, status: &SeiNodeStatus) -> Option<Duration> {
    let before = stored.status.as_ref()?;
    if !is_progress(before, status) {
        return None;
    }
    ctx.memory(stored, |memory| {
        let now = Instant::now();
        let due = memory.unsaved.as_ref().map_or_else(|| ctx.pace.due(now), |unsaved| unsaved.due);
        let left = due.checked_duration_since(now).filter(|left| !left.is_zero())?;
        memory.unsaved = Some(Unsaved { due, stored: Arc::clone(stored), status: status.clone() });
        Some(left)
    })
}
