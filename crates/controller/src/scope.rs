//! The controller of one scope: which node is reconciled when, how long that may take, and what follows a failure.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{FutureExt, StreamExt, stream};
use kube::runtime::{
    Controller,
    controller::{self, Action},
    reflector::ObjectRef,
};
use sei_api::{SeiNode, names::full_name};
use tokio::sync::{mpsc, watch};

use crate::{context::Context, error::PassError, reconcile::reconcile, watches::Pace};

/// No pass takes longer: its calls have separate deadlines, this one is the backstop.
const PASS_LIMIT: Duration = Duration::from_secs(120);
/// Delays between the passes over a node that fail.
const RETRY: Pace = Pace::new(Duration::from_millis(200), Duration::from_secs(300));

/// Reconciles the nodes that `woken` names until `stopped` is true and the passes under way have ended.
pub(crate) async fn run(
    ctx: Arc<Context>,
    woken: mpsc::UnboundedReceiver<ObjectRef<SeiNode>>,
    workers: u16,
    mut stopped: watch::Receiver<bool>,
) {
    let woken = stream::unfold(woken, |mut woken| async move { Some((woken.recv().await?, woken)) });
    // The watches run beside the controller: it would pause all of them for an error of one.
    Controller::for_stream(stream::pending(), ctx.cache.nodes.clone())
        .with_config(controller::Config::default().concurrency(workers))
        .reconcile_on(woken)
        .graceful_shutdown_on(async move {
            // An error means that the sender is gone, which is a shutdown too.
            let _ = stopped.wait_for(|stopped| *stopped).await;
        })
        .run(pass, |_, failed, _| Action::requeue(failed.retry_in), ctx)
        .for_each(|_| std::future::ready(()))
        .await;
}

/// A pass that failed, and when the next is due.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
struct Failed {
    error: PassError,
    retry_in: Duration,
}

/// One pass, after which nothing is remembered of a node that is gone.
async fn pass(node: Arc<SeiNode>, ctx: Arc<Context>) -> Result<Action, Failed> {
    let result = guarded(&node, &ctx).await;
    let failures = ctx.memory(&node, |memory| {
        memory.failures = if result.is_ok() { 0 } else { memory.failures.saturating_add(1) };
        memory.failures
    });
    // It may have been deleted during the pass, which then stored it again.
    if !ctx.cache.has(&node) {
        ctx.forget(&node);
    }
    result.map_err(|error| {
        // Another client wrote the object meanwhile, which is expected.
        if error.category() == "conflict" {
            tracing::debug!(node = full_name(&node), %error, "reconcile conflicted; retrying");
        } else {
            tracing::warn!(node = full_name(&node), %error, failures, "reconcile failed; retrying");
        }
        Failed { error, retry_in: RETRY.delay(failures, ctx.jitter()) }
    })
}

/// One pass with its deadline; a panic in it is an error of that node alone.
async fn guarded(node: &Arc<SeiNode>, ctx: &Context) -> Result<Action, PassError> {
    let started = Instant::now();
    let _running = ctx.metrics.started();
    let node_name = || full_name(node);
    // A deletion needs no cache. That of a namespace may take the right to fill them first.
    let is_deleted = node.metadata.deletion_timestamp.is_some();
    let denied = || ctx.cache.denied(node).or_else(|| ctx.exclusives.denied(node));
    let result = match (!is_deleted).then(denied).flatten() {
        Some(kind) => Err(PassError::Denied { node: node_name(), kind }),
        None => {
            let unwinding = AssertUnwindSafe(reconcile(Arc::clone(node), ctx)).catch_unwind();
            match tokio::time::timeout(PASS_LIMIT, unwinding).await {
                Ok(Ok(result)) => result,
                Ok(Err(_)) => Err(PassError::Panicked { node: node_name() }),
                Err(_) => Err(PassError::Deadline { node: node_name(), seconds: PASS_LIMIT.as_secs() }),
            }
        }
    };
    ctx.metrics.ended(result.as_ref().err().map(PassError::category), started.elapsed());
    result
}
