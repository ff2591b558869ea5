//! The HTTP client of the object store: hyper with rustls, as in the other crates, so that no second HTTP
//! client is linked.

use std::{error::Error, iter, sync::Arc, time::Duration};

use async_trait::async_trait;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as Pool, connect::HttpConnector as Tcp},
    rt::{TokioExecutor, TokioTimer},
};
use object_store::{
    ClientConfigKey, ClientOptions,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
        HttpResponseBody, HttpService,
    },
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};

/// Maximum size of a response, in bytes: one name, or one set of credentials.
const ANSWER_LIMIT: usize = 1 << 20;
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// Creates HTTP clients for [`object_store`] that trust the certificates of the system, or of
/// `SSL_CERT_FILE`.
#[derive(Debug)]
pub struct Connector;

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let mut tcp = Tcp::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_LIMIT));
        let mut roots = RootCertStore::empty();
        // A system without certificates fails at the first handshake, with a clear message.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| object_store::Error::Generic { store: "S3", source: Box::new(error) })?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let https = HttpsConnectorBuilder::new().with_tls_config(tls);
        let plain_too = options.get_config_value(&ClientConfigKey::AllowHttp).as_deref() == Some("true");
        let https = if plain_too { https.https_or_http() } else { https.https_only() };
        let mut pool = Pool::builder(TokioExecutor::new());
        pool.pool_timer(TokioTimer::new());
        Ok(HttpClient::new(Service(pool.build(https.enable_http1().wrap_connector(tcp)))))
    }
}

#[derive(Debug)]
struct Service(Pool<HttpsConnector<Tcp>, HttpRequestBody>);

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let answer = self.0.request(request).await.map_err(|error| {
            let kind = if error.is_connect() { HttpErrorKind::Connect } else { HttpErrorKind::Request };
            HttpError::new(kind, Failed(root(&error)))
        })?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_LIMIT).collect().await;
        let body = body
            .map_err(|error| HttpError::new(HttpErrorKind::Interrupted, Failed(root(&*error))))?
            .to_bytes();
        let body = HttpResponseBody::new(Full::new(body).map_err(|never| match never {}));
        Ok(HttpResponse::from_parts(parts, body))
    }
}

/// The root cause of an error of hyper, whose own message only describes hyper.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failed(String);

fn root(error: &(dyn Error + 'static)) -> String {
    let chain = iter::successors(Some(error), |&error| error.source());
    chain.last().map_or_else(String::new, ToString::to_string)
}
