//! The HTTP client of the exporter, which sends from a separate thread without a runtime.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError, hyper::HyperClient};
use tokio::runtime::Handle;

/// Runs the requests of a client on a runtime.
#[derive(Debug)]
pub(crate) struct OnRuntime {
    client: HyperClient,
    runtime: Handle,
}

impl OnRuntime {
    /// Requests are limited to `limit`.
    pub(crate) fn new(runtime: Handle, limit: Duration) -> Self {
        Self { client: HyperClient::with_default_connector(limit, None), runtime }
    }
}

#[async_trait]
impl HttpClient for OnRuntime {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        self.runtime.spawn(async move { client.send_bytes(request).await }).await?
    }
}
