//! One request: bypassed or authorized, then forwarded.

use std::{convert::Infallible, net::IpAddr, sync::Arc};

use anyhow::{Context, ensure};
use axum::body::Body;
use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode, Uri,
    header::{self, HeaderName},
    uri::{Authority, PathAndQuery, Scheme},
};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use k8s_openapi::api::authorization::v1::ResourceAttributes;
use sei_testkit::rbac_proxy::{Judge, identify};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Hop-by-hop headers.
const HOP: &[HeaderName] = &[
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Configuration of the proxy.
pub(crate) struct Proxy {
    judge: Judge,
    wanted: ResourceAttributes,
    upstream: Authority,
    ignored: Vec<String>,
    identify: bool,
    client: Client<HttpConnector, Body>,
}

impl Proxy {
    pub(crate) fn new(
        judge: Judge,
        wanted: ResourceAttributes,
        upstream: Uri,
        ignored: Vec<String>,
        identify: bool,
    ) -> anyhow::Result<Self> {
        let upstream = upstream.into_parts();
        ensure!(upstream.scheme == Some(Scheme::HTTP), "--upstream: this stand-in forwards to http:// only");
        Ok(Self {
            judge,
            wanted,
            upstream: upstream.authority.context("--upstream: no host")?,
            ignored,
            identify,
            client: Client::builder(TokioExecutor::new()).build_http(),
        })
    }

    /// Responds to one request.
    pub(crate) async fn answer(
        self: Arc<Self>,
        from: IpAddr,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Infallible> {
        let (mut parts, body) = request.into_parts();
        // An ignored path is forwarded unchanged, regardless of its headers and their origin.
        if !self.ignored.iter().any(|path| path == parts.uri.path()) {
            match self.judge.judge(&parts, &self.wanted).await {
                Ok(user) => {
                    parts.headers.remove(header::AUTHORIZATION);
                    if self.identify {
                        identify(&mut parts.headers, &user);
                    }
                }
                Err(refusal) => return Ok(text(refusal.status, refusal.text)),
            }
        }
        let path = parts.uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
        let uri = Uri::builder().scheme(Scheme::HTTP).authority(self.upstream.clone()).path_and_query(path);
        let Ok(uri) = uri.build() else { return Ok(empty(StatusCode::BAD_GATEWAY)) };
        let mut onward = Request::new(Body::new(body));
        *onward.method_mut() = parts.method;
        *onward.uri_mut() = uri;
        *onward.headers_mut() = without_hops(parts.headers);
        onward.headers_mut().remove(header::HOST);
        add_hop(onward.headers_mut(), from);
        Ok(match self.client.request(onward).await {
            Ok(answer) => {
                let (mut parts, body) = answer.into_parts();
                parts.headers = without_hops(parts.headers);
                Response::from_parts(parts, Body::new(body))
            }
            Err(error) => {
                eprintln!("http: proxy error: {error}");
                empty(StatusCode::BAD_GATEWAY)
            }
        })
    }
}

/// Appends the client to the forwarded addresses.
fn add_hop(headers: &mut HeaderMap, from: IpAddr) {
    let before = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<_> = before.map(str::to_owned).chain([from.to_canonical().to_string()]).collect();
    // Addresses and existing header values are valid header values.
    if let Ok(hops) = HeaderValue::from_str(&hops.join(", ")) {
        headers.insert(FORWARDED_FOR, hops);
    }
}

fn without_hops(mut headers: HeaderMap) -> HeaderMap {
    for name in HOP {
        headers.remove(name);
    }
    headers
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = status;
    answer
}

fn text(status: StatusCode, text: String) -> Response<Body> {
    let mut answer = empty(status);
    *answer.body_mut() = text.into();
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, plain);
    answer.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}
