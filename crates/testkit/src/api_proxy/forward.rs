//! Forwards a request, with the faults that were ordered.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{Request, State},
    http::{Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::json;
use tokio::sync::mpsc;

use super::{Recorded, Shared, lock};

pub(super) async fn pass(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let plural = plural(parts.uri.path()).to_owned();
    let is_read = parts.method == Method::GET;
    let is_watch = is_read && is_watch(&parts.uri);
    let at = Instant::now();
    let Ok(body) = body.collect().await else { return StatusCode::BAD_REQUEST.into_response() };
    let body = body.to_bytes();
    let (method, path) = (parts.method.clone(), parts.uri.path().to_owned());
    lock(&shared.requests).push(Recorded { at, method, path, is_watch, body: body.clone() });
    if is_read && lock(&shared.orders).denied.contains(&plural) {
        return status(StatusCode::FORBIDDEN, "Forbidden", &format!("{plural} is forbidden")).into_response();
    }
    if is_read && lock(&shared.orders).hung.contains(&plural) {
        return std::future::pending().await;
    }
    let mut request = http::Request::from_parts(parts, Body::from(body.to_vec()));
    request.headers_mut().remove(http::header::HOST);
    let answer = match shared.upstream.send(request).await {
        Ok(answer) => answer,
        Err(error) => {
            return status(StatusCode::BAD_GATEWAY, "BadGateway", &error.to_string()).into_response();
        }
    };
    let (mut parts, body) = answer.into_parts();
    // The body may have another length now.
    parts.headers.remove(http::header::CONTENT_LENGTH);
    parts.headers.remove(http::header::TRANSFER_ENCODING);
    let body = match is_watch && parts.status.is_success() {
        true => axum::body::Body::from_stream(watched(&shared, &plural, body)),
        false => axum::body::Body::new(body),
    };
    Response::from_parts(parts, body)
}

/// The events of a watch, with their delay, until all watches are broken. Events that are still delayed then are lost.
fn watched(
    shared: &Arc<Shared>,
    plural: &str,
    body: Body,
) -> impl Stream<Item = Result<Bytes, std::io::Error>> + use<> {
    let (late, arrived) = mpsc::unbounded_channel();
    let broken = shared.breaks.subscribe();
    let (shared, plural) = (Arc::clone(shared), plural.to_owned());
    tokio::spawn(async move {
        let mut events = std::pin::pin!(body.into_data_stream());
        loop {
            let event = tokio::select! {
                event = events.next() => event,
                () = late.closed() => return,
            };
            let Some(Ok(event)) = event else { return };
            let delay = {
                let orders = lock(&shared.orders);
                orders.delays.get(&plural).or_else(|| orders.delays.get("")).copied().unwrap_or_default()
            };
            if late.send((Instant::now() + delay, event)).is_err() {
                return;
            }
        }
    });
    stream::unfold(Some((arrived, broken)), |open| async move {
        let (mut arrived, mut broken) = open?;
        let due = async {
            let (due, event) = arrived.recv().await?;
            tokio::time::sleep_until(due.into()).await;
            Some(event)
        };
        tokio::select! {
            event = due => Some((Ok(event?), Some((arrived, broken)))),
            _ = broken.changed() => {
                let (_, gone) = status(StatusCode::GONE, "Expired", "too old resource version");
                Some((Ok(Bytes::from(format!("{{\"type\":\"ERROR\",\"object\":{gone}}}\n"))), None))
            }
        }
    })
}

fn status(code: StatusCode, reason: &str, message: &str) -> (StatusCode, String) {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "code": code.as_u16(), "reason": reason, "message": message,
    });
    (code, status.to_string())
}

/// The plural of the kind in `/api/v1/...` or `/apis/GROUP/VERSION/...`.
pub(super) fn plural(path: &str) -> &str {
    let mut parts = path.trim_start_matches('/').split('/');
    let skipped = if parts.next() == Some("apis") { 2 } else { 1 };
    let mut parts = parts.skip(skipped);
    match parts.next() {
        Some("namespaces") => parts.nth(1).unwrap_or("namespaces"),
        plural => plural.unwrap_or_default(),
    }
}

fn is_watch(uri: &Uri) -> bool {
    uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "watch=true" || pair == "watch=1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_is_parsed_from_a_path() {
        for (path, expected) in [
            ("/api/v1/pods", "pods"),
            ("/api/v1/namespaces/a/pods/b", "pods"),
            ("/apis/sei.io/v1alpha1/namespaces/a/seinodes/b/status", "seinodes"),
            ("/apis/batch/v1/jobs", "jobs"),
            ("/api/v1/namespaces/a", "namespaces"),
            ("/version", ""),
        ] {
            assert_eq!(plural(path), expected, "{path}");
        }
    }
}
