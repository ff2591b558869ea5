//! Gates requests to the API server and to sidecars: nothing is written when another replica may hold the lease. A
//! process that was suspended past its lease resumes in the middle of a pass, before it notices that it is no longer
//! the leader.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Instant,
};

use futures::{FutureExt, future::BoxFuture};
use http::{Method, Request};
use kube::client::Body;
use tower::{BoxError, Layer, Service};

/// The deadline for writes of this process; without a lease there is none. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate(Arc<Mutex<Option<Instant>>>);

/// Why a request was not sent.
#[derive(Debug, thiserror::Error)]
#[error("write not sent: the lease was not renewed in time, and another replica may be the leader")]
struct Shut;

impl Gate {
    /// Allows writes until `end`, measured by a clock that also advances while the process is suspended.
    pub(super) fn open_until(&self, end: Instant) {
        *self.end() = Some(end);
    }

    /// Blocks all writes.
    pub(super) fn shut(&self) {
        self.open_until(Instant::now());
    }

    fn is_shut(&self) -> bool {
        self.end().is_some_and(|end| Instant::now() >= end)
    }

    fn end(&self) -> MutexGuard<'_, Option<Instant>> {
        // Every access is one read or write: a panic elsewhere cannot leave it inconsistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl sei_sidecar::Gate for Gate {
    fn is_open(&self) -> bool {
        !self.is_shut()
    }
}

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated { inner, gate: self.clone() }
    }
}

/// A service behind a gate.
#[derive(Clone)]
pub(super) struct Gated<S> {
    inner: S,
    gate: Gate,
}

impl<S> Service<Request<Body>> for Gated<S>
where
    S: Service<Request<Body>>,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<S::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if request.method() != Method::GET && self.gate.is_shut() {
            return async { Err(Shut.into()) }.boxed();
        }
        self.inner.call(request).map(|answer| answer.map_err(Into::into)).boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, time::Duration};

    use http::Response;
    use tower::{ServiceExt, service_fn};

    use super::*;

    async fn passes(gate: &Gate, method: Method) -> bool {
        let server = service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(())));
        let request = Request::builder().method(method).body(Body::empty()).unwrap();
        gate.layer(server).oneshot(request).await.is_ok()
    }

    #[tokio::test]
    async fn writes_require_the_lease_and_reads_do_not() {
        let gate = Gate::default();
        assert!(passes(&gate, Method::PUT).await, "without a lease, writes are always sent");
        gate.open_until(Instant::now() + Duration::from_secs(60));
        assert!(passes(&gate, Method::PATCH).await);
        gate.open_until(Instant::now());
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert!(!passes(&gate, method).await);
        }
        assert!(passes(&gate, Method::GET).await);
    }

    #[test]
    fn requests_to_sidecars_pass_the_same_gate() {
        let gate = Gate::default();
        assert!(sei_sidecar::Gate::is_open(&gate));
        gate.clone().open_until(Instant::now());
        assert!(!sei_sidecar::Gate::is_open(&gate));
    }
}
