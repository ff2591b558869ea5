//! Connections to sidecars: one pool for plain ones, one for each trust. A renewed certificate is another
//! trust and so gets new connections; pools that nobody uses are dropped.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::Uri;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as Pool, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

use crate::{
    Client, ConnectTo, Error, ServerTrust, client::Connection, connect_to::Router, token::TokenFile,
    verifier::client_config,
};

const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Idle connections are closed after this time.
const IDLE: Duration = Duration::from_secs(30);
/// A pool that was not asked for in this time is dropped.
const UNUSED: Duration = Duration::from_secs(600);

pub(crate) type PlainPool = Pool<Router, Full<Bytes>>;
pub(crate) type VerifiedPool = Pool<HttpsConnector<Router>, Full<Bytes>>;

/// What all clients share. Cheap to clone.
#[derive(Clone)]
pub struct Transport {
    router: Router,
    plain: PlainPool,
    token: TokenFile,
    verified: Arc<Mutex<HashMap<ServerTrust, (Instant, VerifiedPool)>>>,
}

impl Transport {
    /// Connections that follow `connect_to`, and a token from `token_file` for verified peers. Environment
    /// variables for proxies have no say.
    pub fn new(connect_to: Vec<ConnectTo>, token_file: PathBuf) -> Self {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT_LIMIT));
        let router = Router { http, rules: connect_to };
        let plain = builder().build(router.clone());
        Self { router, plain, token: TokenFile::new(token_file), verified: Arc::default() }
    }

    /// A client without TLS for a sidecar at `base_url`. It never sends a token.
    ///
    /// # Errors
    /// [`Error::BadUrl`] unless it is `http://host:port`.
    pub fn plain(&self, base_url: &str) -> Result<Client, Error> {
        Ok(Client { base: base(base_url, "http")?, connection: Connection::Plain(self.plain.clone()) })
    }

    /// A client for a sidecar at `base_url` that is believed by `trust`.
    ///
    /// # Errors
    /// [`Error::BadUrl`] unless it is `https://host:port`; [`Error::Untrusted`] when `trust` cannot be used.
    pub fn verified(&self, base_url: &str, trust: &ServerTrust) -> Result<Client, Error> {
        let base = base(base_url, "https")?;
        let pool = self.pool(base_url, trust)?;
        Ok(Client { base, connection: Connection::Verified(pool, self.token.clone()) })
    }

    fn pool(&self, url: &str, trust: &ServerTrust) -> Result<VerifiedPool, Error> {
        // A panic elsewhere leaves the map whole: every access is one insert or lookup.
        let mut pools = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some((used, pool)) = pools.get_mut(trust) {
            *used = now;
            return Ok(pool.clone());
        }
        pools.retain(|_, (used, _)| now.duration_since(*used) < UNUSED);
        let config = client_config(trust)
            .map_err(|error| Error::Untrusted { url: url.to_owned(), why: error.to_string() })?;
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_only()
            .enable_http1()
            .wrap_connector(self.router.clone());
        let pool: VerifiedPool = builder().build(connector);
        pools.insert(trust.clone(), (now, pool.clone()));
        Ok(pool)
    }
}

fn builder() -> hyper_util::client::legacy::Builder {
    let mut builder = Pool::builder(TokioExecutor::new());
    builder.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE).pool_max_idle_per_host(1);
    builder
}

fn base(url: &str, scheme: &str) -> Result<Uri, Error> {
    let bad = |why: String| Error::BadUrl { url: url.to_owned(), why };
    let uri: Uri = url.parse().map_err(|error: http::uri::InvalidUri| bad(error.to_string()))?;
    if uri.scheme_str() != Some(scheme) || uri.host().is_none() {
        return Err(bad(format!("it must be {scheme}://host:port")));
    }
    Ok(uri)
}
