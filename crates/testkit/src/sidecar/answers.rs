//! HTTP responses in the forms of the sidecar and its proxy.

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
};
use serde_json::{Value, json};

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

pub(super) fn json_body(status: StatusCode, body: &Value) -> Response<Body> {
    let mut answer = text(status, &format!("{body}\n"));
    let json = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(header::CONTENT_TYPE, json);
    answer
}

pub(super) fn error(status: StatusCode, reason: &str) -> Response<Body> {
    json_body(status, &json!({ "error": reason }))
}
