//! The sidecar's HTTP API.

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Sidecar;

/// Largest body that is read, in bytes.
const LIMIT: usize = 1 << 20;
/// Most records that are listed.
const LISTED: usize = 100;

/// Whom a sidecar answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authn {
    /// Everybody.
    Open,
    /// Whoever the proxy in front of it names.
    TrustedHeader,
}

/// Answers one request.
pub async fn answer(sidecar: &Sidecar, authn: Authn, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    if authn == Authn::TrustedHeader
        && !is_bypassed(path)
        && let Err(error) = caller(&parts.headers)
    {
        return json_body(StatusCode::UNAUTHORIZED, &json!({ "error": error }));
    }
    match to_bytes(body, LIMIT).await {
        Ok(body) => route(sidecar, &parts.method, path, &body),
        Err(_) => json_body(StatusCode::BAD_REQUEST, &json!({ "error": "invalid request body" })),
    }
}

/// Whether a path is answered whoever asks.
fn is_bypassed(path: &str) -> bool {
    ["/v0/healthz", "/v0/startupz", "/v0/livez", "/v0/metrics"].contains(&path)
}

/// Who calls, where the one header that says so is there.
fn caller(headers: &HeaderMap) -> Result<&HeaderValue, &'static str> {
    let mut users = headers.get_all("x-remote-user").iter();
    match (users.next(), users.next()) {
        (None, _) => Err("missing X-Remote-User header"),
        (Some(_), Some(_)) => Err("multiple X-Remote-User headers"),
        (Some(user), None) if user.is_empty() => Err("empty X-Remote-User header"),
        (Some(user), None) => Ok(user),
    }
}

fn route(sidecar: &Sidecar, method: &Method, path: &str, body: &[u8]) -> Response<Body> {
    let task = path.strip_prefix("/v0/tasks/");
    let allow = match path {
        "/v0/tasks" => "GET, POST",
        "/v0/healthz" | "/v0/startupz" | "/v0/livez" | "/v0/status" | "/v0/metrics" | "/v0/node-id" => "GET",
        _ if task.is_some() => "DELETE, GET",
        _ => return text(StatusCode::NOT_FOUND, "404 page not found\n"),
    };
    let ready = sidecar.is_ready();
    let id = task.and_then(|id| Uuid::parse_str(id).ok());
    match (method, path) {
        (&Method::GET, "/v0/healthz" | "/v0/startupz") if ready => empty(StatusCode::OK),
        (&Method::GET, "/v0/healthz" | "/v0/startupz") => empty(StatusCode::SERVICE_UNAVAILABLE),
        (&Method::GET, "/v0/livez") => empty(StatusCode::OK),
        (&Method::GET, "/v0/status") => {
            json_body(StatusCode::OK, &json!({ "status": if ready { "Ready" } else { "Initializing" } }))
        }
        (&Method::GET, "/v0/metrics") => {
            let ready = u8::from(ready);
            text(StatusCode::OK, &format!("# TYPE seictl_ready gauge\nseictl_ready {ready}\n"))
        }
        (&Method::GET, "/v0/node-id") => match sidecar.node_id() {
            Ok(id) => json_body(StatusCode::OK, &json!({ "nodeId": id })),
            Err(error) => json_body(StatusCode::INTERNAL_SERVER_ERROR, &json!({ "error": error })),
        },
        (&Method::POST, "/v0/tasks") => match sidecar.submit(body) {
            Ok(id) => json_body(StatusCode::CREATED, &json!({ "id": id })),
            Err(error) => json_body(StatusCode::BAD_REQUEST, &json!({ "error": error })),
        },
        (&Method::GET, "/v0/tasks") => {
            let records: Vec<_> = sidecar.records().into_iter().take(LISTED).collect();
            json_body(StatusCode::OK, &json!(records))
        }
        (&Method::GET, _) => match id.and_then(|id| sidecar.record(id)) {
            Some(record) => json_body(StatusCode::OK, &json!(record)),
            None => task_not_found(),
        },
        (&Method::DELETE, _) if task.is_some() => match id {
            Some(id) if sidecar.remove(id) => empty(StatusCode::NO_CONTENT),
            _ => task_not_found(),
        },
        _ => {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n");
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
            answer
        }
    }
}

fn task_not_found() -> Response<Body> {
    json_body(StatusCode::NOT_FOUND, &json!({ "error": "task not found" }))
}

pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = status;
    answer
}

pub(super) fn text(status: StatusCode, text: &str) -> Response<Body> {
    let mut answer = Response::new(Body::from(text.to_owned()));
    *answer.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, plain);
    answer
}

fn json_body(status: StatusCode, body: &Value) -> Response<Body> {
    let mut answer = text(status, &format!("{body}\n"));
    let json = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(header::CONTENT_TYPE, json);
    answer
}
