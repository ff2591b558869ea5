//! The sidecar's HTTP API: its paths and responses.

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header},
};
use serde_json::json;

use super::{
    Generation, Sidecar,
    answers::{empty, error, json_body, text},
    mux,
};

/// Maximum number of listed records.
const LISTED: usize = 100;
/// Maximum size of headers, in bytes, as counted by Go.
const HEADERS: usize = (32 << 10) + 4096;

/// Which clients a sidecar responds to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authn {
    /// Every client.
    Open,
    /// Clients that the proxy in front of it has identified.
    TrustedHeader,
}

impl Authn {
    /// The mode that `SEI_SIDECAR_AUTHN_MODE` requests of a release; `None` if it is not a mode. Releases
    /// before v0.0.50 ignore the variable.
    pub fn of_variable(value: &str, generation: Generation) -> Option<Self> {
        match value.trim().to_lowercase().as_str() {
            _ if generation < Generation::V50 => Some(Self::Open),
            "" | "unauthenticated" => Some(Self::Open),
            "trusted-header" => Some(Self::TrustedHeader),
            _ => None,
        }
    }
}

/// Responds to one request.
pub async fn answer(sidecar: &Sidecar, authn: Authn, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let sizes = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    if sidecar.generation() >= Generation::V50 && sizes.sum::<usize>() > HEADERS {
        return text(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "431 Request Header Fields Too Large");
    }
    let path = parts.uri.path();
    if authn == Authn::TrustedHeader
        && !is_bypassed(path)
        && let Err(error) = caller(&parts.headers)
    {
        return json_body(StatusCode::UNAUTHORIZED, &json!({ "error": error }));
    }
    if let Some(clean) = mux::redirect(path) {
        return mux::redirected(&clean, parts.uri.query());
    }
    match to_bytes(body, usize::MAX).await {
        Ok(body) => route(sidecar, &parts.method, path, &body),
        Err(_) => error(StatusCode::BAD_REQUEST, "invalid request body"),
    }
}

/// Whether a path needs no authentication, neither in the sidecar nor in the proxy.
pub(super) fn is_bypassed(path: &str) -> bool {
    ["/v0/healthz", "/v0/startupz", "/v0/livez", "/v0/metrics"].contains(&path)
}

/// Checks that exactly one header identifies the client.
fn caller(headers: &HeaderMap) -> Result<(), &'static str> {
    let mut users = headers.get_all("x-remote-user").iter();
    match (users.next(), users.next()) {
        (None, _) => Err("missing X-Remote-User header"),
        (Some(_), Some(_)) => {
            Err("expected exactly one X-Remote-User header — proxy must overwrite, not append")
        }
        (Some(user), None) if user.as_bytes().trim_ascii().is_empty() => Err("empty X-Remote-User header"),
        (Some(_), None) => Ok(()),
    }
}

fn route(sidecar: &Sidecar, method: &Method, path: &str, body: &[u8]) -> Response<Body> {
    let task = path.strip_prefix("/v0/tasks/").filter(|id| !id.is_empty() && !id.contains('/'));
    let allow = match path {
        "/v0/tasks" => "GET, HEAD, POST",
        "/v0/startupz" if sidecar.generation() < Generation::V50 => return mux::not_found(),
        "/v0/healthz" | "/v0/startupz" | "/v0/livez" | "/v0/status" | "/v0/metrics" | "/v0/node-id" => {
            "GET, HEAD"
        }
        _ if task.is_some() => "DELETE, GET, HEAD",
        _ => return mux::not_found(),
    };
    // The server omits the body of a response to HEAD.
    let method = if method == Method::HEAD { &Method::GET } else { method };
    let ready = sidecar.is_ready();
    match (method, path) {
        (&Method::GET, "/v0/healthz" | "/v0/startupz") if ready => empty(StatusCode::OK),
        (&Method::GET, "/v0/healthz" | "/v0/startupz") => empty(StatusCode::SERVICE_UNAVAILABLE),
        (&Method::GET, "/v0/livez") => empty(StatusCode::OK),
        (&Method::GET, "/v0/status") => {
            json_body(StatusCode::OK, &json!({ "status": if ready { "Ready" } else { "Initializing" } }))
        }
        (&Method::GET, "/v0/metrics") => {
            text(StatusCode::OK, "# TYPE go_info gauge\ngo_info{version=\"go1.25\"} 1\n")
        }
        (&Method::GET, "/v0/node-id") => match sidecar.node_id() {
            Ok(id) => json_body(StatusCode::OK, &json!({ "nodeId": id })),
            Err(reason) => error(StatusCode::INTERNAL_SERVER_ERROR, &reason),
        },
        (&Method::POST, "/v0/tasks") => match sidecar.submit(body) {
            Ok(id) => json_body(StatusCode::CREATED, &json!({ "id": id })),
            Err(reason) => error(StatusCode::BAD_REQUEST, &reason),
        },
        (&Method::GET, "/v0/tasks") => {
            let records: Vec<_> = sidecar.records().into_iter().take(LISTED).collect();
            json_body(StatusCode::OK, &json!(records))
        }
        (&Method::GET, _) => match task.and_then(|id| sidecar.record(id)) {
            Some(record) => json_body(StatusCode::OK, &json!(record)),
            None => task_not_found(),
        },
        (&Method::DELETE, _) if task.is_some() => match task.map(|id| sidecar.remove(id)) {
            Some(Ok(true)) => empty(StatusCode::NO_CONTENT),
            Some(Err(reason)) => {
                let mut answer = error(StatusCode::SERVICE_UNAVAILABLE, &reason);
                answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
                answer
            }
            _ => task_not_found(),
        },
        _ => mux::method_not_allowed(allow),
    }
}

fn task_not_found() -> Response<Body> {
    error(StatusCode::NOT_FOUND, "task not found")
}
