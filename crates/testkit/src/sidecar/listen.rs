//! The simulator's two listeners. The Host header and, with TLS, the requested server name select the node.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc};

use axum::{
    body::{Body, to_bytes},
    http::{Method, Request, Response, StatusCode, header, request::Parts},
};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use k8s_openapi::api::{authentication::v1::UserInfo, authorization::v1::ResourceAttributes};
use kube::Client;
use rustls::{
    ServerConfig,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tokio_rustls::LazyConfigAcceptor;

use super::{
    Authn, Call, Generation,
    answers::{empty, json_body, text},
    api, lock,
    nodes::{Node, Nodes},
};
use crate::rbac_proxy::{Judge, Lifetimes, Refusal, identify};

/// How a connection arrived.
#[derive(Clone)]
enum Front {
    Nothing,
    /// Through the proxy; without a client for reviews, every client with a token is allowed.
    Proxy(Option<Client>),
}

/// Requests for seid and not for the sidecar: one listener serves all ports of the pods.
const RPC: [&str; 2] = ["/status", "/net_info"];

pub(super) async fn plain(nodes: Nodes) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&nodes), Front::Nothing));
        }
    });
    Ok(address)
}

pub(super) async fn tls(nodes: Nodes, reviewer: Option<Client>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (nodes, front) = (Arc::clone(&nodes), Front::Proxy(reviewer.clone()));
            tokio::spawn(async move {
                let Ok(start) = LazyConfigAcceptor::new(Default::default(), stream).await else { return };
                let host = start.client_hello().server_name().unwrap_or_default().to_owned();
                // A pod that is not running, or whose proxy has no certificate, refuses connections.
                let certificate = lock(&nodes)
                    .known(&host)
                    .filter(|node| node.running)
                    .and_then(|node| node.certificate.clone());
                let Some(certificate) = certificate else { return };
                let mut config = ServerConfig::builder()
                    .with_no_client_auth()
                    .with_cert_resolver(Arc::new(One(certificate)));
                config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
                if let Ok(stream) = start.into_stream(Arc::new(config)).await {
                    serve(stream, nodes, front).await;
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

async fn serve<S>(stream: S, nodes: Nodes, front: Front)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request: Request<Incoming>| {
        let (nodes, front) = (Arc::clone(&nodes), front.clone());
        async move {
            let (mut parts, body) = request.into_parts();
            let host = host_of(&parts);
            let mut authn = Authn::Open;
            if let Front::Proxy(reviewer) = front {
                authn = Authn::TrustedHeader;
                // Bypass paths are forwarded unchanged. On others, the upstream sees the user, but not the
                // token.
                if !api::is_bypassed(parts.uri.path()) {
                    match pass(&nodes, reviewer, &host, &parts).await {
                        Ok(user) => {
                            parts.headers.remove(header::AUTHORIZATION);
                            identify(&mut parts.headers, &user);
                        }
                        Err(refusal) => return Ok(text(refusal.status, &refusal.text)),
                    }
                }
            }
            answer(&nodes, &host, authn, Request::from_parts(parts, Body::new(body))).await
        }
    });
    // A client that disconnects ends the connection.
    let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}

async fn pass(
    nodes: &Nodes,
    reviewer: Option<Client>,
    host: &str,
    request: &Parts,
) -> Result<UserInfo, Refusal> {
    let Some(reviewer) = reviewer else {
        let anybody = UserInfo { username: Some("anybody".to_owned()), ..UserInfo::default() };
        let refusal = Refusal { status: StatusCode::UNAUTHORIZED, text: "Unauthorized\n".to_owned() };
        return request.headers.get(header::AUTHORIZATION).map(|_| anybody).ok_or(refusal);
    };
    // `<name>-0.<name>.<namespace>.svc.…`
    let mut labels = host.split('.').skip(1).map(str::to_owned);
    let wanted = ResourceAttributes {
        group: Some("sei.io".to_owned()),
        resource: Some("seinodetasks".to_owned()),
        name: labels.next(),
        namespace: labels.next(),
        ..ResourceAttributes::default()
    };
    let audiences = lock(nodes).known(host).map(|node| node.audiences.clone()).unwrap_or_default();
    Judge::new(reviewer, audiences, Lifetimes::NONE).judge(request, &wanted).await
}

/// Responds to one request to `host`. An error drops the connection, like a process that does not exist.
async fn answer(
    nodes: &Nodes,
    host: &str,
    authn: Authn,
    request: Request<Body>,
) -> io::Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.map_err(io::Error::other)?;
    let path = parts.uri.path();
    if authn == Authn::Open && RPC.contains(&path) {
        // The real sidecar reads the ID from the volume; for the operator any ID will do.
        let mut nodes = lock(nodes);
        let node = nodes.known(host).filter(|node| node.has_seid());
        let answer =
            node.map(|node| node.seid.borrow().rpc("", "", path)).ok_or(io::ErrorKind::ConnectionRefused)?;
        return Ok(json_body(StatusCode::OK, &answer));
    }
    let (sidecar, faults) = {
        let mut nodes = lock(nodes);
        let Some(node) = nodes.known(host).filter(|node| listens(node, authn)) else {
            return Err(io::ErrorKind::ConnectionRefused.into());
        };
        node.calls.push(Call {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            body: serde_json::from_slice(&body).unwrap_or_default(),
            has_token: parts.headers.contains_key(header::AUTHORIZATION),
        });
        (node.sidecar.clone(), lock(&node.order).faults.clone())
    };
    if faults.hang {
        std::future::pending::<Infallible>().await;
    }
    if let Some(status) = faults.answer {
        return Ok(empty(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)));
    }
    let crash = faults.crash.filter(|_| parts.method == Method::POST);
    let answer = api::answer(&sidecar, authn, Request::from_parts(parts, body.into()));
    Ok(match crash {
        Some(crash) => crash.around(answer).await,
        None => answer.await,
    })
}

/// Whether it listens on the address that received the request. From v0.0.50 on, behind a proxy it listens only on
/// loopback.
fn listens(node: &Node, authn: Authn) -> bool {
    let order = lock(&node.order);
    let is_hidden = authn == Authn::Open && node.certificate.is_some() && order.generation >= Generation::V50;
    node.running && (!is_hidden || order.faults.plain_port)
}

fn host_of(request: &Parts) -> String {
    let header = request.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let authority =
        request.uri.authority().map(|authority| authority.as_str()).or(header).unwrap_or_default();
    authority.rsplit_once(':').map_or(authority, |(host, _)| host).to_owned()
}
