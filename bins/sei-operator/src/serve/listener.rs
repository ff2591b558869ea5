//! An HTTP listener for untrusted clients: few connections at a time, one request each, and short timeouts.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};

/// Limits of a listener.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Maximum number of connections; others wait to be accepted.
    pub(super) connections: usize,
    /// Timeout for the head of a request.
    pub(super) head: Duration,
    /// Timeout for request and response.
    pub(super) whole: Duration,
}

/// Enough for probes and several Prometheus servers, with at most a few megabytes of memory.
pub(super) const LIMITS: Limits =
    Limits { connections: 64, head: Duration::from_secs(5), whole: Duration::from_secs(30) };
/// Maximum size of the head of a request, including the token of a scraper.
const HEAD_SIZE: usize = 16 * 1024;
/// Delay after a connection could not be accepted, which means that file descriptors are exhausted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves `router` until the process exits.
pub(super) async fn serve(listener: TcpListener, router: Router, limits: Limits) {
    let connections = Arc::new(Semaphore::new(limits.connections));
    loop {
        // The semaphore is never closed.
        let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "failed to accept a connection");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let router = router.clone();
        tokio::spawn(async move {
            // A client that disconnects or times out is not an error of the operator.
            let _ = timeout(limits.whole, answer(stream, router, limits.head)).await;
            drop(permit);
        });
    }
}

async fn answer(stream: TcpStream, router: Router, head: Duration) -> hyper::Result<()> {
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_buf_size(HEAD_SIZE)
        // An idle connection would prevent serving a scraper or a probe.
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .await
}

/// Binds `address`. The unspecified IPv6 address means every address, even on a machine without IPv6.
pub(super) async fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(_) if address.is_ipv6() && address.ip().is_unspecified() => {
            TcpListener::bind(SocketAddr::from(([0, 0, 0, 0], address.port()))).await
        }
        bound => bound,
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const QUICK: Limits =
        Limits { connections: 2, head: Duration::from_millis(300), whole: Duration::from_millis(900) };

    async fn served(router: Router) -> SocketAddr {
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, router, QUICK));
        address
    }

    /// Everything that the server sends until it closes the connection.
    async fn exchange(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let read = timeout(Duration::from_secs(5), stream.read_to_string(&mut answer)).await;
        read.expect("the connection is closed").unwrap();
        answer
    }

    #[tokio::test]
    async fn a_request_is_answered_and_its_connection_closed() {
        let address = served(Router::new().route("/", get(|| async { "hello" }))).await;
        let answer = exchange(address, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"), "{answer}");
    }

    #[tokio::test]
    async fn clients_that_never_finish_a_request_do_not_block_others() {
        let address = served(Router::new().route("/", get(|| async { "hello" }))).await;
        let mut half_open = Vec::new();
        for _ in 0..2 * QUICK.connections {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nx: ").await.unwrap();
            half_open.push(stream);
        }
        let answer = exchange(address, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(answer.ends_with("hello"), "{answer}");
    }

    #[tokio::test]
    async fn a_response_that_takes_too_long_is_aborted() {
        let address = served(Router::new().route("/", get(std::future::pending::<()>))).await;
        assert_eq!(exchange(address, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await, "");
    }

    #[tokio::test]
    async fn an_endless_head_is_rejected() {
        let address = served(Router::new()).await;
        let head = format!("GET / HTTP/1.1\r\nx: {}", "x".repeat(2 * HEAD_SIZE));
        let answer = exchange(address, &head).await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
}
