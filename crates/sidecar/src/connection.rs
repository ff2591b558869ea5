//! How a client connects to its sidecar: plain, or over verified TLS with a token.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as Pool, Error as PoolError},
    rt::{TokioExecutor, TokioTimer},
};
use tokio::time::Instant;

use crate::{
    connect_to::Router,
    served::Served,
    token::TokenSource,
    verifier::{ServerTrust, client_config},
};

/// Idle timeout of a connection: longer than the interval between two polls of a task, shorter than that
/// between two probes.
const IDLE: Duration = Duration::from_secs(8);

/// Maximum age of a TLS connection for new requests. A server is verified when the connection is opened, and
/// its certificate may expire or lose its trust afterwards; without a limit, polling a task for hours would
/// keep one connection in use for as long.
const LIFETIME: Duration = Duration::from_secs(60);

/// Connections without TLS, to any sidecar.
pub(crate) type PlainPool = Pool<Router, Full<Bytes>>;

/// How a client connects to its sidecar.
#[derive(Clone)]
pub(crate) enum Connection {
    Plain(Box<PlainPool>),
    Verified(Verified),
}

type VerifiedPool = Pool<HttpsConnector<Router>, Full<Bytes>>;

/// Connections to servers that one [`ServerTrust`] accepts.
#[derive(Clone)]
pub(crate) struct Verified {
    connector: HttpsConnector<Router>,
    /// The current pool, and the time it was created.
    pool: Arc<Mutex<(Instant, VerifiedPool)>>,
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
        let pool = (Instant::now(), builder().build(connector.clone()));
        Ok(Self::Verified(Verified { connector, pool: Arc::new(Mutex::new(pool)), tokens, served }))
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, PoolError> {
        match self {
            Self::Plain(pool) => pool.request(request).await,
            Self::Verified(verified) => verified.current().request(request).await,
        }
    }
}

impl Verified {
    /// The current pool; replaced by a new one when it is too old.
    fn current(&self) -> VerifiedPool {
        // A panic elsewhere cannot leave it inconsistent: the only change is one assignment.
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.0.elapsed() > LIFETIME {
            *pool = (Instant::now(), builder().build(self.connector.clone()));
        }
        pool.1.clone()
    }
}

fn builder() -> hyper_util::client::legacy::Builder {
    let mut builder = Pool::builder(TokioExecutor::new());
    builder.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE).pool_max_idle_per_host(1);
    builder
}
