//! Responses about Secrets do not remain in memory: the buffers of a connection live as long as it does, and
//! contain parts of the last responses. The allocator clears freed memory.

use http::{HeaderValue, Request, header::CONNECTION};

/// Closes the connection after the response to a request about Secrets.
pub(super) fn close_after<B>(mut request: Request<B>) -> Request<B> {
    if request.uri().path().split('/').any(|part| part == "secrets") {
        request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_reused_unless_they_carried_a_secret() {
        for (path, closes) in [
            ("/api/v1/secrets?watch=true", true),
            ("/api/v1/namespaces/pacific-1/secrets/tls", true),
            ("/api/v1/namespaces/pacific-1/configmaps/tls", false),
        ] {
            let request = close_after(Request::get(path).body(()).unwrap());
            assert_eq!(request.headers().contains_key(CONNECTION), closes, "{path}");
        }
    }
}
