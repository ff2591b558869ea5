//! Who may call through TLS: what kube-rbac-proxy does with its verdicts.

use axum::{
    body::Body,
    http::{Method, Response, StatusCode, header, request::Parts},
};
use k8s_openapi::api::{
    authentication::v1::{TokenReview, TokenReviewSpec},
    authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec},
};
use kube::{Api, Client, api::PostParams};

use super::api::text;

/// Paths that the proxy lets through unasked.
const BYPASS: &[&str] = &["/v0/healthz", "/v0/startupz", "/v0/livez", "/v0/metrics"];
/// Audience that tokens must have.
const AUDIENCE: &str = "sei-sidecar";

/// How callers are judged.
#[derive(Clone)]
pub enum Access {
    /// Any caller that has a token.
    AnyToken,
    /// By real TokenReviews and SubjectAccessReviews.
    Reviewed(Client),
}

/// Whether the proxy lets the request through unasked.
pub(super) fn is_bypassed(request: &Parts) -> bool {
    BYPASS.contains(&request.uri.path())
}

/// The refusal of `request`, or none.
pub(super) async fn refusal(access: &Access, host: &str, request: &Parts) -> Option<Response<Body>> {
    if is_bypassed(request) {
        return None;
    }
    let unauthorized = || Some(text(StatusCode::UNAUTHORIZED, "Unauthorized\n"));
    let bearer = request.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(token) = bearer.and_then(|value| value.strip_prefix("Bearer ")) else { return unauthorized() };
    let Access::Reviewed(client) = access else { return None };
    let review = TokenReview {
        spec: TokenReviewSpec { token: Some(token.to_owned()), audiences: Some(vec![AUDIENCE.to_owned()]) },
        ..TokenReview::default()
    };
    let reviewed = Api::all(client.clone()).create(&PostParams::default(), &review).await;
    let status = reviewed.ok().and_then(|review: TokenReview| review.status).unwrap_or_default();
    let (Some(true), Some(user)) = (status.authenticated, status.user) else { return unauthorized() };
    let verb = match request.method {
        Method::POST => "create",
        Method::GET => "get",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "*",
    };
    // `<name>-0.<name>.<namespace>.svc.…`
    let mut parts = host.split('.').skip(1);
    let name = parts.next().map(str::to_owned);
    let namespace = parts.next().map(str::to_owned);
    let review = SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: user.username.clone(),
            groups: user.groups,
            uid: user.uid,
            resource_attributes: Some(ResourceAttributes {
                group: Some("sei.io".to_owned()),
                resource: Some("seinodetasks".to_owned()),
                verb: Some(verb.to_owned()),
                name,
                namespace,
                ..ResourceAttributes::default()
            }),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    };
    match Api::all(client.clone()).create(&PostParams::default(), &review).await {
        Ok(SubjectAccessReview { status: Some(status), .. }) if status.allowed => None,
        Ok(_) => {
            let user = user.username.unwrap_or_default();
            let words =
                format!("Forbidden (user={user}, verb={verb}, resource=seinodetasks, subresource=)\n");
            Some(text(StatusCode::FORBIDDEN, &words))
        }
        Err(error) => {
            Some(text(StatusCode::INTERNAL_SERVER_ERROR, &format!("Authorization error ({error})\n")))
        }
    }
}
