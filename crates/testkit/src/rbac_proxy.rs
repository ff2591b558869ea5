//! How kube-rbac-proxy authenticates and authorizes clients: a TokenReview, then a SubjectAccessReview, both
//! by a real API server. The simulator of sidecars and the proxy's stand-in share this code.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};
use k8s_openapi::api::{
    authentication::v1::{TokenReview, TokenReviewSpec, UserInfo},
    authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec},
};
use kube::{Api, Client, api::PostParams};

const USER: &str = "x-remote-user";
const GROUPS: &str = "x-remote-groups";

/// How long results of the API server are cached. Failed requests are never cached.
#[derive(Clone, Copy)]
pub struct Lifetimes {
    token: Duration,
    allowed: Duration,
    denied: Duration,
}

impl Lifetimes {
    /// The lifetimes of the real proxy.
    pub const REAL: Self = Self {
        token: Duration::from_secs(120),
        allowed: Duration::from_secs(300),
        denied: Duration::from_secs(30),
    };
    /// Every grant and revocation takes effect immediately.
    pub const NONE: Self = Self { token: Duration::ZERO, allowed: Duration::ZERO, denied: Duration::ZERO };
}

/// Why a request is rejected, with the proxy's message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Status of the response.
    pub status: StatusCode,
    /// Body of the response.
    pub text: String,
}

/// Authenticates and authorizes requests.
pub struct Judge {
    client: Client,
    audiences: Vec<String>,
    lifetimes: Lifetimes,
    tokens: Cache<Option<UserInfo>>,
    verdicts: Cache<bool>,
}

impl Judge {
    /// Sends reviews with `client`. Tokens must be for one of `audiences`, or for the API server if there are
    /// none.
    pub fn new(client: Client, audiences: Vec<String>, lifetimes: Lifetimes) -> Self {
        Self { client, audiences, lifetimes, tokens: Cache::default(), verdicts: Cache::default() }
    }

    /// The user, if `request` is allowed on the resource `wanted`.
    ///
    /// # Errors
    /// The proxy's rejection.
    pub async fn judge(&self, request: &Parts, wanted: &ResourceAttributes) -> Result<UserInfo, Refusal> {
        let bearer = request.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = bearer.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default().trim();
        let user = if token.is_empty() { None } else { self.authenticate(token).await };
        let user = user
            .ok_or_else(|| Refusal { status: StatusCode::UNAUTHORIZED, text: "Unauthorized\n".to_owned() })?;
        let attributes =
            ResourceAttributes { verb: Some(verb(&request.method).to_owned()), ..wanted.clone() };
        self.authorize(&user, attributes).await?;
        Ok(user)
    }

    /// The user of a token. A token that cannot be reviewed has none.
    async fn authenticate(&self, token: &str) -> Option<UserInfo> {
        if let Some(known) = self.tokens.get(token) {
            return known;
        }
        let audiences = (!self.audiences.is_empty()).then(|| self.audiences.clone());
        let review = TokenReview {
            spec: TokenReviewSpec { token: Some(token.to_owned()), audiences },
            ..TokenReview::default()
        };
        let reviewed = Api::all(self.client.clone()).create(&PostParams::default(), &review).await;
        let status = reviewed.ok()?.status.unwrap_or_default();
        let audiences = status.audiences.unwrap_or_default();
        let is_meant =
            self.audiences.is_empty() || audiences.iter().any(|audience| self.audiences.contains(audience));
        let user = status.user.filter(|_| status.authenticated == Some(true) && is_meant);
        self.tokens.put(token, user.clone(), self.lifetimes.token);
        user
    }

    async fn authorize(&self, user: &UserInfo, attributes: ResourceAttributes) -> Result<(), Refusal> {
        let request = format!(
            "(user={}, verb={}, resource={}, subresource={})\n",
            user.username.as_deref().unwrap_or_default(),
            attributes.verb.as_deref().unwrap_or_default(),
            attributes.resource.as_deref().unwrap_or_default(),
            attributes.subresource.as_deref().unwrap_or_default(),
        );
        let spec = SubjectAccessReviewSpec {
            user: user.username.clone(),
            groups: user.groups.clone(),
            uid: user.uid.clone(),
            extra: user.extra.clone(),
            resource_attributes: Some(attributes),
            ..SubjectAccessReviewSpec::default()
        };
        let key = serde_json::to_string(&spec).unwrap_or_default();
        let allowed = match self.verdicts.get(&key) {
            Some(known) => known,
            None => {
                let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
                let reviewed = Api::all(self.client.clone()).create(&PostParams::default(), &review).await;
                let reviewed: SubjectAccessReview = reviewed.map_err(|_| Refusal {
                    status: StatusCode::INTERNAL_SERVER_ERROR,
                    text: format!("Authorization error {request}"),
                })?;
                let allowed = reviewed.status.is_some_and(|status| status.allowed);
                let lifetime = if allowed { self.lifetimes.allowed } else { self.lifetimes.denied };
                self.verdicts.put(&key, allowed, lifetime);
                allowed
            }
        };
        if allowed {
            return Ok(());
        }
        Err(Refusal { status: StatusCode::FORBIDDEN, text: format!("Forbidden {request}") })
    }
}

/// Sets the identity headers for the upstream, instead of those sent by the client.
pub fn identify(headers: &mut HeaderMap, user: &UserInfo) {
    let groups = user.groups.clone().unwrap_or_default().join("|");
    for (name, value) in [(USER, user.username.clone().unwrap_or_default()), (GROUPS, groups)] {
        headers.remove(name);
        // Names of users and groups come from the API server; one that is not a valid header value is
        // omitted.
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
}

/// The verb that a method needs.
fn verb(method: &Method) -> &'static str {
    match *method {
        Method::POST => "create",
        Method::GET => "get",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "*",
    }
}

/// Results, with the time until which they are valid.
struct Cache<V>(Mutex<HashMap<String, (Instant, V)>>);

impl<V> Default for Cache<V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<V: Clone> Cache<V> {
    fn get(&self, key: &str) -> Option<V> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(key).filter(|(until, _)| Instant::now() < *until).map(|(_, value)| value.clone())
    }

    fn put(&self, key: &str, value: V, lifetime: Duration) {
        let now = Instant::now();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (until, _)| now < *until);
        known.insert(key.to_owned(), (now + lifetime, value));
    }
}
