//! The sidecar's HTTP API.

use std::{convert::Infallible, io};

use axum::{
    body::{Body, to_bytes},
    http::{Method, Request, Response, StatusCode, header},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Call, Sidecars, lock, tasks};

/// Largest body that is read, in bytes.
const LIMIT: usize = 1 << 20;

/// Answers one request to `host`. An error drops the connection, as a process that is not there would.
pub(super) async fn answer(
    sidecars: &Sidecars,
    host: &str,
    request: Request<Body>,
) -> io::Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, LIMIT).await.map_err(io::Error::other)?;
    let faults = {
        let mut sidecars = lock(sidecars);
        let Some(sidecar) = sidecars.get_mut(host).filter(|sidecar| sidecar.running) else {
            return Err(io::ErrorKind::ConnectionRefused.into());
        };
        sidecar.calls.push(Call {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            body: serde_json::from_slice(&body).unwrap_or_default(),
            has_token: parts.headers.contains_key(header::AUTHORIZATION),
        });
        sidecar.faults.clone()
    };
    if faults.hang {
        std::future::pending::<Infallible>().await;
    }
    if let Some(status) = faults.answer {
        return Ok(empty(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)));
    }
    let answer = async { Ok(route(sidecars, host, &parts.method, parts.uri.path(), &body)) };
    match faults.crash.filter(|_| parts.method == Method::POST) {
        Some(crash) => crash.around(answer).await,
        None => answer.await,
    }
}

fn route(sidecars: &Sidecars, host: &str, method: &Method, path: &str, body: &[u8]) -> Response<Body> {
    let ready = lock(sidecars).get(host).is_some_and(|sidecar| *sidecar.ready.borrow());
    let allow = match path {
        "/v0/tasks" => "GET, POST",
        "/v0/healthz" | "/v0/startupz" | "/v0/livez" | "/v0/status" => "GET",
        _ if path.starts_with("/v0/tasks/") => "DELETE, GET",
        _ => return text(StatusCode::NOT_FOUND, "404 page not found\n"),
    };
    match (method, path) {
        (&Method::GET, "/v0/healthz" | "/v0/startupz") if ready => empty(StatusCode::OK),
        (&Method::GET, "/v0/healthz" | "/v0/startupz") => empty(StatusCode::SERVICE_UNAVAILABLE),
        (&Method::GET, "/v0/livez") => empty(StatusCode::OK),
        (&Method::GET, "/v0/status") => {
            json_body(StatusCode::OK, &json!({ "status": if ready { "Ready" } else { "Initializing" } }))
        }
        (&Method::POST, "/v0/tasks") => match tasks::submit(sidecars, host, body) {
            Ok(id) => json_body(StatusCode::CREATED, &json!({ "id": id })),
            Err(error) => json_body(StatusCode::BAD_REQUEST, &json!({ "error": error })),
        },
        (&Method::GET, "/v0/tasks") => {
            let sidecars = lock(sidecars);
            let tasks = sidecars.get(host).map(|sidecar| sidecar.tasks.clone()).unwrap_or_default();
            let records: Vec<Value> = tasks.iter().take(100).map(|(id, task)| task.record(*id)).collect();
            json_body(StatusCode::OK, &records.into())
        }
        (&Method::GET, _) => {
            let id = path.rsplit('/').next().and_then(|id| Uuid::parse_str(id).ok());
            let sidecars = lock(sidecars);
            let found = id.and_then(|id| Some(sidecars.get(host)?.tasks.get(&id)?.record(id)));
            match found {
                Some(record) => json_body(StatusCode::OK, &record),
                None => json_body(StatusCode::NOT_FOUND, &json!({ "error": "task not found" })),
            }
        }
        _ => {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n");
            answer.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static(allow));
            answer
        }
    }
}

pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = status;
    answer
}

pub(super) fn text(status: StatusCode, text: &str) -> Response<Body> {
    let mut answer = Response::new(Body::from(text.to_owned()));
    *answer.status_mut() = status;
    answer
}

fn json_body(status: StatusCode, body: &Value) -> Response<Body> {
    let mut answer = text(status, &format!("{body}\n"));
    let json = header::HeaderValue::from_static("application/json");
    answer.headers_mut().insert(header::CONTENT_TYPE, json);
    answer
}
