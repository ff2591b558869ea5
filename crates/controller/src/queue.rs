//! The queue of one kind in one scope: which object is reconciled when, with which time limit, and what
//! follows a failure.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{FutureExt, Stream, StreamExt, stream};
use kube::runtime::{
    Controller,
    controller::{self, Action},
    reflector::{ObjectRef, Store},
};
use tokio::sync::watch;

use crate::{
    error::PassError,
    metrics::Metrics,
    reconciled::{Reconciled, described},
    watches::Pace,
};

/// Time limit of a pass: its calls have separate deadlines, this is the backstop.
const PASS_LIMIT: Duration = Duration::from_secs(120);
/// Backoff of failed passes over an object.
const RETRY: Pace = Pace::new(Duration::from_millis(200), Duration::from_secs(300));

/// A pass that failed, and when the next one is due.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub(crate) struct Failed {
    error: PassError,
    retry_in: Duration,
}

/// Reconciles the objects of `store` that `woken` names, with `pass`, until `stopped` is true and the active
/// passes have ended.
pub(crate) async fn run<K, C, F>(
    ctx: Arc<C>,
    store: Store<K>,
    woken: impl Stream<Item = ObjectRef<K>> + Send + 'static,
    workers: u16,
    mut stopped: watch::Receiver<bool>,
    pass: impl FnMut(Arc<K>, Arc<C>) -> F,
) where
    K: Reconciled,
    C: Send + Sync + 'static,
    F: Future<Output = Result<Action, Failed>> + Send + 'static,
{
    // The watches run outside of the controller, which would pause all of them for an error of one.
    Controller::for_stream(stream::pending(), store)
        .with_config(controller::Config::default().concurrency(workers))
        .reconcile_on(woken)
        .graceful_shutdown_on(async move {
            // An error means that the sender was dropped, which is a shutdown too.
            let _ = stopped.wait_for(|stopped| *stopped).await;
        })
        .run(pass, |_, failed, _| Action::requeue(failed.retry_in), ctx)
        .for_each(|_| std::future::ready(()))
        .await;
}

/// One pass over `object` with its deadline; a panic in it is an error of only that object.
pub(crate) async fn guarded<K: Reconciled>(
    metrics: &Metrics,
    object: &K,
    pass: impl Future<Output = Result<Action, PassError>>,
) -> Result<Action, PassError> {
    let started = Instant::now();
    let _running = metrics.started(K::CONTROLLER);
    let unwinding = AssertUnwindSafe(pass).catch_unwind();
    let result = match tokio::time::timeout(PASS_LIMIT, unwinding).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(PassError::Panicked { object: described(object) }),
        Err(_) => Err(PassError::Deadline { object: described(object), seconds: PASS_LIMIT.as_secs() }),
    };
    metrics.ended(K::CONTROLLER, result.as_ref().err().map(PassError::category), started.elapsed());
    result
}

/// Logs the last of `failures` in a row, and returns when to retry.
pub(crate) fn failed<K: Reconciled>(object: &K, error: PassError, failures: u32, jitter: f64) -> Failed {
    let object = described(object);
    // Another client wrote the object in the meantime, which is expected.
    if error.category() == "conflict" {
        tracing::debug!(object, %error, "reconcile conflicted; retrying");
    } else {
        tracing::warn!(object, %error, failures, "reconcile failed; retrying");
    }
    Failed { error, retry_in: RETRY.delay(failures, jitter) }
}
