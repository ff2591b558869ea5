//! Limits concurrent calls to sidecars. Those that did not respond last time have separate permits, so that
//! they wait only for each other.

use std::sync::Arc;

use tokio::sync::{Semaphore, SemaphorePermit};

const ANSWERING: usize = 1024;
const SILENT: usize = 256;

/// The permits of all actors. Clones share them.
#[derive(Clone)]
pub(crate) struct Permits(Arc<[Semaphore; 2]>);

impl Default for Permits {
    fn default() -> Self {
        Self(Arc::new([Semaphore::new(ANSWERING), Semaphore::new(SILENT)]))
    }
}

impl Permits {
    /// Waits for a permit; `is_silent` is whether the last call got no response.
    pub(super) async fn acquire(&self, is_silent: bool) -> Option<SemaphorePermit<'_>> {
        // The semaphores are never closed.
        self.0[usize::from(is_silent)].acquire().await.ok()
    }
}
