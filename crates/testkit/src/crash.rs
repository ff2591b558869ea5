//! Cutting the operator off at the n-th thing that it does: before it is done, or after, before it learns of it.

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

/// One cut. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Crash {
    left: Arc<AtomicUsize>,
    after: bool,
    reached: Arc<Notify>,
}

impl Crash {
    /// Lets `effects` of them pass, and cuts at the next: `after` it was done, or before.
    pub fn new(effects: usize, after: bool) -> Self {
        Self { left: Arc::new(AtomicUsize::new(effects)), after, reached: Arc::default() }
    }

    /// Resolves when the cut was made.
    pub async fn reached(&self) {
        self.reached.notified().await;
    }

    /// Does one effect, or never answers.
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

/// Puts the cut around every write to an API server. Events are left out: nothing depends on them.
impl<S> Layer<S> for Crash {
    type Service = Cut<S>;

    fn layer(&self, inner: S) -> Cut<S> {
        Cut { inner, crash: self.clone() }
    }
}

/// A client's requests with a cut around the writes.
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
        let counts = *request.method() != Method::GET && !request.uri().path().ends_with("/events");
        let (answer, crash) = (self.inner.call(request), self.crash.clone());
        Box::pin(async move { if counts { crash.around(answer).await } else { answer.await } })
    }
}
