//! Runs the reconciles of the tasks of one scope.

use std::sync::Arc;

use futures::stream;
use sei_api::SeiNodeTask;
use tokio::sync::watch;

use super::{
    context::{Context, TASKS, Woken},
    reconcile::reconcile,
};
use crate::queue::{self, Failed, Next};

/// Reconciles the tasks from `woken` until `stopped` is true and the reconciles in progress have ended. It starts when the
/// cache has synced, which never happens in a cluster without the kind.
pub(crate) async fn run(ctx: Arc<Context>, woken: Woken, workers: u16, mut stopped: watch::Receiver<bool>) {
    let filled = async {
        ctx.progress.settled().await;
        ctx.wake_held_nodes();
        ctx.progress.filled(TASKS).await;
        ctx.wake_held_nodes();
    };
    tokio::select! {
        () = filled => {}
        // An error means that the sender was dropped, which also means shutdown.
        _ = stopped.wait_for(|stopped| *stopped) => return,
    }
    let woken = stream::unfold(woken, |mut woken| async move { Some((woken.recv().await?, woken)) });
    let (tasks, metrics) = (ctx.tasks.clone(), Arc::clone(&ctx.metrics));
    queue::run(ctx, &metrics, tasks, woken, workers, stopped, pass).await;
}

/// One reconcile, after which the memory of a deleted task is dropped.
async fn pass(task: Arc<SeiNodeTask>, ctx: Arc<Context>) -> Result<Next, Failed> {
    let result = queue::guarded(&ctx.metrics, &*task, reconcile(Arc::clone(&task), &ctx)).await;
    let failures = ctx.memories.ended(&*task, result.is_ok());
    // It may have been deleted during the reconcile, which then stored it again.
    if !ctx.has(&task) {
        ctx.forget(&task);
    }
    result.map_err(|error| queue::failed(&*task, error, failures, fastrand::f64()))
}
