//! What the clients of a process share: the addresses of sidecars, plain connections, and the gate for
//! submissions.

use std::{sync::Arc, time::Duration};

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;

use crate::{
    Client, ConnectTo, Error, Gate, Seid, ServerTrust, TokenSource,
    connect_to::Router,
    connection::{Connection, PlainPool},
};

const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// State shared by all clients. Cheap to clone.
#[derive(Clone)]
pub struct Transport {
    router: Router,
    plain: PlainPool,
    gate: Arc<dyn Gate>,
}

impl Transport {
    /// Creates a transport that follows `connect_to` and submits while `gate` is open. Proxy environment
    /// variables have no effect.
    pub fn new(connect_to: Vec<ConnectTo>, gate: Arc<dyn Gate>) -> Self {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT_LIMIT));
        let router = Router { http, rules: connect_to };
        Self { plain: Connection::plain(router.clone()), router, gate }
    }

    /// A client without TLS for a sidecar at `base_url`. It never sends a token.
    ///
    /// # Errors
    /// [`Error::BadUrl`] unless it is `http://host:port`.
    pub fn plain(&self, base_url: &str) -> Result<Client, Error> {
        let base = base(base_url, "http")?;
        Ok(Client::new(base, Connection::Plain(Box::new(self.plain.clone())), Arc::clone(&self.gate)))
    }

    /// The RPC of a seid at `base_url`.
    ///
    /// # Errors
    /// [`Error::BadUrl`] unless it is `http://host:port`.
    pub fn seid(&self, base_url: &str) -> Result<Seid, Error> {
        self.plain(base_url).map(Seid::new)
    }

    /// A client for a sidecar at `base_url` that `trust` accepts. It has a separate connection pool, which
    /// closes when the client is dropped.
    ///
    /// # Errors
    /// [`Error::BadUrl`] unless it is `https://host:port`; [`Error::Untrusted`] when `trust` cannot be used.
    pub fn verified(
        &self,
        base_url: &str,
        trust: &ServerTrust,
        tokens: Arc<dyn TokenSource>,
    ) -> Result<Client, Error> {
        let base = base(base_url, "https")?;
        let connection = Connection::verified(self.router.clone(), trust, tokens)
            .map_err(|error| Error::Untrusted { url: base_url.to_owned(), why: error.to_string() })?;
        Ok(Client::new(base, connection, Arc::clone(&self.gate)))
    }
}

fn base(url: &str, scheme: &str) -> Result<Uri, Error> {
    let bad = |why: String| Error::BadUrl { url: url.to_owned(), why };
    let uri: Uri = url.parse().map_err(|error: http::uri::InvalidUri| bad(error.to_string()))?;
    if uri.scheme_str() != Some(scheme) || uri.host().is_none() {
        return Err(bad(format!("it must be {scheme}://host:port")));
    }
    Ok(uri)
}
