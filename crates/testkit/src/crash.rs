//! Stops the operator at its n-th effect: before the effect, or after it but before the result arrives.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use http::{Method, Request, Response};
use kube::client::Body;
use tokio::sync::Notify;
use tower::{Layer, Service};

/// One crash point. Clones share it.
#[derive(Clone, Debug)]
pub struct Crash {
    left: Arc<AtomicUsize>,
    after: bool,
    manager: Option<&'static str>,
    reached: Arc<Notify>,
}

impl Crash {
    /// Lets `effects` of them pass and stops at the next one: `after` it, or before.
    pub fn new(effects: usize, after: bool) -> Self {
        Self { left: Arc::new(AtomicUsize::new(effects)), after, manager: None, reached: Arc::default() }
    }

    /// Counts only writes of this field manager, and deletions, which name none.
    pub fn of_manager(self, manager: &'static str) -> Self {
        Self { manager: Some(manager), ..self }
    }

    /// Whether a request is an effect. Events are not: nothing depends on them.
    fn counts(&self, request: &Request<Body>) -> bool {
        let query = request.uri().query().unwrap_or_default();
        let is_write = *request.method() != Method::GET && !request.uri().path().ends_with("/events");
        let is_ours = |manager| query.contains(manager) || *request.method() == Method::DELETE;
        is_write && self.manager.is_none_or(is_ours)
    }

    /// Resolves when the crash point is reached.
    pub async fn reached(&self) {
        self.reached.notified().await;
    }

    /// Performs one effect, or never returns.
    pub(crate) async fn around<T>(&self, effect: impl Future<Output = T>) -> T {
        let left = self.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1));
        if left.is_ok() {
            return effect.await;
        }
        if self.after {
            effect.await;
        }
        self.reached.notify_one();
        std::future::pending().await
    }
}

/// Applies the crash point to writes to an API server.
impl<S> Layer<S> for Crash {
    type Service = Cut<S>;

    fn layer(&self, inner: S) -> Cut<S> {
        Cut { inner, crash: self.clone() }
    }
}

/// A client's requests with a crash point around writes.
pub struct Cut<S> {
    inner: S,
    crash: Crash,
}

impl<S, B> Service<Request<Body>> for Cut<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: Send,
    B: Send,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let counts = self.crash.counts(&request);
        let (answer, crash) = (self.inner.call(request), self.crash.clone());
        Box::pin(async move { if counts { crash.around(answer).await } else { answer.await } })
    }
}
