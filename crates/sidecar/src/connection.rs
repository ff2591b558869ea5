//! How one client reaches its sidecar: plain, or over verified TLS with a token.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as Pool, Error as PoolError},
    rt::{TokioExecutor, TokioTimer},
};

use crate::{
    connect_to::Router,
    served::Served,
    token::TokenSource,
    verifier::{ServerTrust, client_config},
};

/// Idle connections are closed after this time: longer than the pauses between two polls of a task, shorter than
/// those between two probes.
const IDLE: Duration = Duration::from_secs(8);

/// Connections without TLS, to any sidecar.
pub(crate) type PlainPool = Pool<Router, Full<Bytes>>;

/// How a client reaches its sidecar.
#[derive(Clone)]
pub(crate) enum Connection {
    Plain(PlainPool),
    Verified(Verified),
}

/// Connections to servers that one trust accepts.
#[derive(Clone)]
pub(crate) struct Verified {
    pool: Pool<HttpsConnector<Router>, Full<Bytes>>,
    pub(crate) tokens: Arc<dyn TokenSource>,
    pub(crate) served: Served,
}

impl Connection {
    pub(crate) fn plain(router: Router) -> PlainPool {
        builder().build(router)
    }

    pub(crate) fn verified(
        router: Router,
        trust: &ServerTrust,
        tokens: Arc<dyn TokenSource>,
    ) -> Result<Self, rustls::Error> {
        let served = Served::default();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(client_config(trust, &served)?)
            .https_only()
            .enable_http1()
            .wrap_connector(router);
        Ok(Self::Verified(Verified { pool: builder().build(connector), tokens, served }))
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, PoolError> {
        match self {
            Self::Plain(pool) => pool.request(request).await,
            Self::Verified(verified) => verified.pool.request(request).await,
        }
    }
}

fn builder() -> hyper_util::client::legacy::Builder {
    let mut builder = Pool::builder(TokioExecutor::new());
    builder.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE).pool_max_idle_per_host(1);
    builder
}
