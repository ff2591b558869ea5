//! Authorizes access to the metrics like controller-runtime: the API server reviews the token, and whether
//! its user may `get` the non-resource URL `/metrics`.

use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode, header};
use k8s_openapi::api::{
    authentication::v1::{TokenReview, TokenReviewSpec, UserInfo},
    authorization::v1::{NonResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec},
};
use kube::{Api, Client, api::PostParams};
use tokio::sync::Semaphore;

/// Maximum number of concurrent reviews, so that unauthorized clients cannot flood the API server through the
/// operator.
const REVIEWS: usize = 4;

/// Sends reviews to the API server. Clones share its limit.
#[derive(Clone)]
pub(super) struct ScrapeAuth {
    client: Client,
    reviews: Arc<Semaphore>,
}

impl ScrapeAuth {
    /// Sends reviews with `client`.
    pub(super) fn new(client: Client) -> Self {
        Self { client, reviews: Arc::new(Semaphore::new(REVIEWS)) }
    }

    /// Rejects clients that may not read `path`, with the status of the response.
    pub(super) async fn check(&self, headers: &HeaderMap, path: &str) -> Result<(), StatusCode> {
        let token = bearer(headers).ok_or(StatusCode::UNAUTHORIZED)?;
        // The semaphore is never closed.
        let _permit = self.reviews.acquire().await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        let user = self.user(token).await.map_err(failed)?.ok_or(StatusCode::UNAUTHORIZED)?;
        match self.may_get(user, path).await.map_err(failed)? {
            true => Ok(()),
            false => Err(StatusCode::FORBIDDEN),
        }
    }

    async fn user(&self, token: &str) -> kube::Result<Option<UserInfo>> {
        let spec = TokenReviewSpec { token: Some(token.to_owned()), ..TokenReviewSpec::default() };
        let review = TokenReview { spec, ..TokenReview::default() };
        let review = Api::all(self.client.clone()).create(&PostParams::default(), &review).await?;
        let status = review.status.filter(|status| status.authenticated == Some(true));
        Ok(status.and_then(|status| status.user))
    }

    async fn may_get(&self, user: UserInfo, path: &str) -> kube::Result<bool> {
        let spec = SubjectAccessReviewSpec {
            user: user.username,
            uid: user.uid,
            groups: user.groups,
            extra: user.extra,
            non_resource_attributes: Some(NonResourceAttributes {
                path: Some(path.to_owned()),
                verb: Some("get".to_owned()),
            }),
            ..SubjectAccessReviewSpec::default()
        };
        let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
        let review = Api::all(self.client.clone()).create(&PostParams::default(), &review).await?;
        Ok(review.status.is_some_and(|status| status.allowed))
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

fn failed(error: kube::Error) -> StatusCode {
    tracing::warn!(%error, "failed to review the caller of /metrics; check the operator's permissions on tokenreviews and subjectaccessreviews");
    StatusCode::INTERNAL_SERVER_ERROR
}
