//! Responses of Go's request multiplexer without a handler.

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
};

use super::answers::text;

/// The redirect target of a path that is not clean: without empty, `.` and `..` segments.
pub(super) fn redirect(path: &str) -> Option<String> {
    let mut clean: Vec<&str> = Vec::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty() && *segment != ".") {
        if segment == ".." {
            clean.pop();
        } else {
            clean.push(segment);
        }
    }
    let mut clean = format!("/{}", clean.join("/"));
    if path.ends_with('/') && !clean.ends_with('/') {
        clean.push('/');
    }
    (clean != path).then_some(clean)
}

pub(super) fn redirected(path: &str, query: Option<&str>) -> Response<Body> {
    let target = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let body = format!("<a href=\"{target}\">Temporary Redirect</a>.\n\n");
    let mut answer = text(StatusCode::TEMPORARY_REDIRECT, &body);
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, html);
    // A parsed path is a valid header value.
    if let Ok(target) = HeaderValue::from_str(&target) {
        answer.headers_mut().insert(header::LOCATION, target);
    }
    answer
}

pub(super) fn not_found() -> Response<Body> {
    plain_error(StatusCode::NOT_FOUND, "404 page not found\n")
}

pub(super) fn method_not_allowed(allow: &'static str) -> Response<Body> {
    let mut answer = plain_error(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n");
    answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
    answer
}

fn plain_error(status: StatusCode, body: &str) -> Response<Body> {
    let mut answer = text(status, body);
    answer.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_that_are_not_clean_are_redirected() {
        for (path, target) in [
            ("//v0/healthz", Some("/v0/healthz")),
            ("/v0/./tasks/../tasks//", Some("/v0/tasks/")),
            ("/..", Some("/")),
            ("/v0/tasks/", None),
            ("/v0/tasks", None),
            ("/", None),
        ] {
            assert_eq!(redirect(path).as_deref(), target, "{path}");
        }
    }
}
