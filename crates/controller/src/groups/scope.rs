//! Runs the reconciles of the groups of one scope.

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures::{Stream, StreamExt, stream};
use kube::runtime::reflector::ObjectRef;
use sei_api::SeiNodeDeployment;
use tokio::sync::watch;

use super::{context::Context, reconcile::reconcile, stores::Woken};
use crate::queue::{self, Failed, Next};

/// Changes within this time are batched into one reconcile: the SeiNodes of a group change together.
const GATHER: Duration = Duration::from_millis(100);

/// Reconciles the groups from `woken` until `stopped` is true and the reconciles in progress have ended. It starts when
/// the caches have synced, which never happens in a cluster without the kind.
pub(crate) async fn run(ctx: Arc<Context>, woken: Woken, workers: u16, mut stopped: watch::Receiver<bool>) {
    tokio::select! {
        () = ctx.filled() => {}
        // An error means that the sender was dropped, which also means shutdown.
        _ = stopped.wait_for(|stopped| *stopped) => return,
    }
    let (groups, metrics) = (ctx.groups.clone(), Arc::clone(&ctx.metrics));
    queue::run(ctx, &metrics, groups, batched(woken), workers, stopped, pass).await;
}

/// Each group once, regardless of how often it was queued within [`GATHER`].
fn batched(woken: Woken) -> impl Stream<Item = ObjectRef<SeiNodeDeployment>> + Send + 'static {
    let batches = stream::unfold(woken, |mut woken| async move {
        let mut batch = HashSet::from([woken.recv().await?]);
        tokio::time::sleep(GATHER).await;
        while let Ok(group) = woken.try_recv() {
            batch.insert(group);
        }
        Some((stream::iter(batch), woken))
    });
    batches.flatten()
}

/// One reconcile, after which the memory of a deleted group is dropped.
async fn pass(group: Arc<SeiNodeDeployment>, ctx: Arc<Context>) -> Result<Next, Failed> {
    let result = queue::guarded(&ctx.metrics, &*group, reconcile(Arc::clone(&group), &ctx)).await;
    let failures = ctx.memories.ended(&*group, result.is_ok());
    // It may have been deleted during the reconcile, which then stored it again.
    if !ctx.has(&group) {
        ctx.forget(&group);
    }
    result.map_err(|error| queue::failed(&*group, error, failures, fastrand::f64()))
}
