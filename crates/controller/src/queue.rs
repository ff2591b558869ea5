//! The queue of one kind in one scope: when each object is reconciled, with which time limit, and when it is retried
//! after a failure.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{FutureExt, Stream, StreamExt, stream};
use kube::{
    ResourceExt,
    runtime::{
        Controller,
        controller::{self, Action},
        reflector::{ObjectRef, Store},
    },
};
use tokio::sync::watch;
use tracing::{Instrument, field::Empty};

use crate::{
    error::PassError,
    metrics::Metrics,
    reconciled::{Reconciled, described},
    watches::Pace,
};

/// Time limit of a pass: a backstop, since each call has its own deadline.
const PASS_LIMIT: Duration = Duration::from_secs(120);
/// Backoff of failed passes over an object.
const RETRY: Pace = Pace::new(Duration::from_millis(200), Duration::from_secs(300));

/// The time until an object is reconciled again although nothing changed; `None` if only a change is awaited.
pub(crate) type Next = Option<Duration>;

/// A pass that failed, and when the next one is due.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub(crate) struct Failed {
    error: PassError,
    retry_in: Duration,
}

/// Reconciles the objects of `store` received from `woken`, with `pass`, until `stopped` is true and the active passes
/// have ended.
pub(crate) async fn run<K, C, F>(
    ctx: Arc<C>,
    metrics: &Metrics,
    store: Store<K>,
    woken: impl Stream<Item = ObjectRef<K>> + Send + 'static,
    workers: u16,
    mut stopped: watch::Receiver<bool>,
    pass: impl Fn(Arc<K>, Arc<C>) -> F,
) where
    K: Reconciled,
    C: Send + Sync + 'static,
    F: Future<Output = Result<Next, Failed>> + Send + 'static,
{
    let queue = metrics.queue(K::CONTROLLER);
    let woken = woken.inspect({
        let queue = queue.clone();
        move |object| queue.due(key(object), Duration::ZERO)
    });
    let timed = {
        let queue = queue.clone();
        move |object: Arc<K>, ctx| {
            let (queue, key) = (queue.clone(), key(&ObjectRef::from_obj(&*object)));
            queue.started(&key);
            let pass = pass(object, ctx);
            async move {
                let result = pass.await;
                let next = result.as_ref().map_or_else(|failed| Some(failed.retry_in), |next| *next);
                next.into_iter().for_each(|delay| queue.due(key.clone(), delay));
                result.map(|next| next.map_or_else(Action::await_change, Action::requeue))
            }
        }
    };
    // The watches run outside of the controller, which would pause all of them on an error of one.
    Controller::for_stream(stream::pending(), store)
        .with_config(controller::Config::default().concurrency(workers))
        .reconcile_on(woken)
        .graceful_shutdown_on(async move {
            // An error means that the sender was dropped, which also means shutdown.
            let _ = stopped.wait_for(|stopped| *stopped).await;
        })
        .run(timed, |_, failed, _| Action::requeue(failed.retry_in), ctx)
        .for_each(|outcome| {
            if let Err(controller::Error::ObjectNotFound(object)) = outcome {
                queue.gone(&(object.namespace.unwrap_or_default(), object.name));
            }
            std::future::ready(())
        })
        .await;
}

/// Namespace and name of an object.
fn key<K: Reconciled>(object: &ObjectRef<K>) -> (String, String) {
    (object.namespace.clone().unwrap_or_default(), object.name.clone())
}

/// One pass over `object` with its deadline; a panic in it fails only that object.
pub(crate) async fn guarded<K: Reconciled>(
    metrics: &Metrics,
    object: &K,
    pass: impl Future<Output = Result<Next, PassError>>,
) -> Result<Next, PassError> {
    let started = Instant::now();
    let _running = metrics.started(K::CONTROLLER);
    // Not `name`: in JSON logs that is the name of the span itself.
    let span = tracing::debug_span!(
        "reconcile",
        kind = %K::kind(&()),
        namespace = object.namespace(),
        object = object.name_any(),
        otel.status_code = Empty
    );
    let unwinding = AssertUnwindSafe(pass.instrument(span.clone())).catch_unwind();
    let result = match tokio::time::timeout(PASS_LIMIT, unwinding).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(PassError::Panicked { object: described(object) }),
        Err(_) => Err(PassError::Deadline { object: described(object), seconds: PASS_LIMIT.as_secs() }),
    };
    if result.is_err() {
        span.record("otel.status_code", "ERROR");
    }
    metrics.ended(K::CONTROLLER, result.as_ref().err().map(PassError::category), started.elapsed());
    result
}

/// Logs the latest of `failures` consecutive failures, and returns when to retry.
pub(crate) fn failed<K: Reconciled>(object: &K, error: PassError, failures: u32, jitter: f64) -> Failed {
    let (kind, namespace, name) = (K::kind(&()), object.namespace(), object.name_any());
    // Another client wrote the object in the meantime, which is expected.
    if error.category() == "conflict" {
        tracing::debug!(%kind, namespace, name, %error, "reconcile conflicted; retrying");
    } else {
        tracing::warn!(%kind, namespace, name, %error, failures, "reconcile failed; retrying");
    }
    Failed { error, retry_in: RETRY.delay(failures, jitter) }
}
