//! The two listeners. Which sidecar is meant is read from the Host header and, with TLS, from the name that the
//! client asks a certificate for.

use std::{io, net::SocketAddr, sync::Arc};

use anyhow::Context;
use axum::{
    body::Body,
    http::{Request, header, request::Parts},
};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tokio_rustls::LazyConfigAcceptor;

use super::{Access, Sidecars, api, lock, proxy};

pub(super) async fn plain(sidecars: Sidecars) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&sidecars), None));
        }
    });
    Ok(address)
}

pub(super) async fn tls(sidecars: Sidecars, access: Access) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (sidecars, access) = (Arc::clone(&sidecars), access.clone());
            tokio::spawn(async move {
                let Ok(start) = LazyConfigAcceptor::new(Default::default(), stream).await else { return };
                let host = start.client_hello().server_name().unwrap_or_default().to_owned();
                // Nobody listens at a pod that does not run, or whose proxy has nothing to serve.
                let certificate = lock(&sidecars)
                    .get(&host)
                    .filter(|sidecar| sidecar.running)
                    .and_then(|sidecar| sidecar.certificate.clone());
                let Some(certificate) = certificate else { return };
                let mut config = ServerConfig::builder()
                    .with_no_client_auth()
                    .with_cert_resolver(Arc::new(One(certificate)));
                config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
                if let Ok(stream) = start.into_stream(Arc::new(config)).await {
                    serve(stream, sidecars, Some(access)).await;
                }
            });
        }
    });
    Ok(address)
}

#[derive(Debug)]
struct One(Arc<CertifiedKey>);

impl ResolvesServerCert for One {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// A certificate chain with its key, as the proxy loads them.
pub(crate) fn certified(crt: &[u8], key: &[u8]) -> anyhow::Result<CertifiedKey> {
    let chain = CertificateDer::pem_slice_iter(crt).collect::<Result<Vec<_>, _>>().context("tls.crt")?;
    let key = PrivateKeyDer::from_pem_slice(key).context("tls.key")?;
    let key = rustls::crypto::ring::sign::any_supported_type(&key).context("tls.key")?;
    let certified = CertifiedKey::new(chain, key);
    certified.keys_match().context("tls.key does not belong to tls.crt")?;
    Ok(certified)
}

async fn serve<S>(stream: S, sidecars: Sidecars, access: Option<Access>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request: Request<Incoming>| {
        let (sidecars, access) = (Arc::clone(&sidecars), access.clone());
        async move {
            let (mut parts, body) = request.into_parts();
            let host = host_of(&parts);
            if let Some(access) = access {
                if let Some(refusal) = proxy::refusal(&access, &host, &parts).await {
                    return Ok(refusal);
                }
                // What is behind the proxy sees who called, not with what; bypass paths pass as they are.
                if !proxy::is_bypassed(&parts) {
                    parts.headers.remove(header::AUTHORIZATION);
                }
            }
            let request = Request::from_parts(parts, Body::new(body));
            api::answer(&sidecars, &host, request).await
        }
    });
    // A client that goes away ends the connection, which is no news.
    let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}

fn host_of(request: &Parts) -> String {
    let header = request.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let authority =
        request.uri.authority().map(|authority| authority.as_str()).or(header).unwrap_or_default();
    authority.rsplit_once(':').map_or(authority, |(host, _)| host).to_owned()
}
