//! `/metrics`, `/healthz` and `/readyz`.

use std::sync::Arc;

use anyhow::Context;
use axum::{
    Router,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::registry::Registry;

use super::{
    listener::{self, LIMITS},
    readiness::Readiness,
    scrape_auth::ScrapeAuth,
};
use crate::cli::Bind;

/// Serves both in the background until the process exits. Clients of the metrics are checked by `auth`, if
/// given.
pub(super) async fn serve(
    metrics: Bind,
    health: Bind,
    registry: Arc<Registry>,
    auth: Option<ScrapeAuth>,
    readiness: Readiness,
) -> anyhow::Result<()> {
    let scrape = get(move |headers| scrape(Arc::clone(&registry), auth.clone(), headers));
    let scrape = Router::new().route(METRICS, scrape);
    let ready = get(move || async move {
        match readiness.reason() {
            None => (StatusCode::OK, "ok".to_owned()),
            Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason),
        }
    });
    let probes = Router::new().route("/healthz", get(|| async { "ok" })).route("/readyz", ready);
    for (flag, bind, router) in
        [("--metrics-bind-address", metrics, scrape), ("--health-probe-bind-address", health, probes)]
    {
        if let Some(address) = bind.0 {
            let bound = listener::bind(address).await;
            let listener = bound.with_context(|| format!("{flag}: failed to listen on {address}"))?;
            tokio::spawn(listener::serve(listener, router, LIMITS));
        }
    }
    Ok(())
}

const METRICS: &str = "/metrics";

async fn scrape(registry: Arc<Registry>, auth: Option<ScrapeAuth>, headers: HeaderMap) -> Response {
    if let Some(auth) = auth
        && let Err(status) = auth.check(&headers, METRICS).await
    {
        return status.into_response();
    }
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &registry) {
        Ok(()) => {
            let form = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, form)], text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
