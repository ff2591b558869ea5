//! `/metrics`, `/healthz` and `/readyz`.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Context;
use axum::{
    Router,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;

use crate::cli::Bind;

/// Serves both in the background for the rest of the process.
pub(super) async fn serve(
    metrics: Bind,
    health: Bind,
    registry: Arc<Registry>,
    ready: Arc<AtomicBool>,
) -> anyhow::Result<()> {
    let scrape = Router::new().route("/metrics", get(move || exposition(Arc::clone(&registry))));
    let probes = Router::new().route("/healthz", get(|| async { "ok" })).route(
        "/readyz",
        get(move || async move {
            match ready.load(Ordering::Acquire) {
                true => (StatusCode::OK, "ok"),
                false => (StatusCode::SERVICE_UNAVAILABLE, "caches are being filled"),
            }
        }),
    );
    for (flag, bind, router) in
        [("--metrics-bind-address", metrics, scrape), ("--health-probe-bind-address", health, probes)]
    {
        if let Some(address) = bind.0 {
            let listener = listen(address).await.with_context(|| format!("{flag}: listen on {address}"))?;
            tokio::spawn(async move {
                if let Err(error) = axum::serve(listener, router).await {
                    tracing::error!(flag, %error, "endpoint ended");
                }
            });
        }
    }
    Ok(())
}

/// `:PORT` means every address, also where the machine has no IPv6.
async fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(_) if address.is_ipv6() && address.ip().is_unspecified() => {
            TcpListener::bind(SocketAddr::from(([0, 0, 0, 0], address.port()))).await
        }
        bound => bound,
    }
}

async fn exposition(registry: Arc<Registry>) -> impl IntoResponse {
    let mut text = String::new();
    let status = match prometheus_client::encoding::text::encode(&mut text, &registry) {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, [(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
}
