//! The calls of the sidecar's API that the operator makes, each with its deadline.

use std::{error::Error as StdError, io, time::Duration};

use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::{
    Error, Health, TaskRecord, TaskRequest,
    token::TokenFile,
    transport::{PlainPool, VerifiedPool},
    wire::{Refusal, Submitted},
};

const DEADLINE: Duration = Duration::from_secs(10);
const HEALTH_DEADLINE: Duration = Duration::from_secs(2);
/// Longest answer that is read, in bytes.
const BODY_LIMIT: usize = 1 << 20;
/// Longest part of an answer that is repeated in an error, in bytes.
const QUOTE_LIMIT: usize = 300;

/// The API of one sidecar. Cheap to make; making it talks to nobody.
#[derive(Clone)]
pub struct Client {
    pub(crate) base: Uri,
    pub(crate) connection: Connection,
}

#[derive(Clone)]
pub(crate) enum Connection {
    Plain(PlainPool),
    Verified(VerifiedPool, TokenFile),
}

struct Answer {
    url: String,
    status: StatusCode,
    body: Bytes,
}

impl Client {
    /// What `/v0/healthz` says. No token is sent: the proxy lets the question through as it is.
    ///
    /// # Errors
    /// Any [`Error`]; another status than 200 and 503 is [`Error::UnexpectedStatus`].
    pub async fn healthz(&self) -> Result<Health, Error> {
        let answer = self.within(HEALTH_DEADLINE, Method::GET, "/v0/healthz", None, false).await?;
        match answer.status {
            StatusCode::OK => Ok(Health::Ready),
            StatusCode::SERVICE_UNAVAILABLE => Ok(Health::NotReady),
            _ => Err(answer.refused()),
        }
    }

    /// What the sidecar knows of task `id`; `None` when it does not know it.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn task(&self, id: Uuid) -> Result<Option<TaskRecord>, Error> {
        let answer = self.call(Method::GET, &format!("/v0/tasks/{id}"), None).await?;
        match answer.status {
            StatusCode::OK => answer.decode().map(Some),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(answer.refused()),
        }
    }

    /// Submits a task. A task that failed before is run again; one that runs or has completed is left alone.
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::BadRequest`] has the sidecar's words.
    pub async fn submit(&self, task: &TaskRequest) -> Result<(), Error> {
        let undecodable = |why: String| Error::Undecodable { url: self.url("/v0/tasks"), why };
        let body = serde_json::to_vec(task).map_err(|error| undecodable(error.to_string()))?;
        let answer = self.call(Method::POST, "/v0/tasks", Some(body.into())).await?;
        if !matches!(answer.status, StatusCode::CREATED | StatusCode::ACCEPTED) {
            return Err(answer.refused());
        }
        match answer.decode::<Submitted>()?.id {
            id if id == task.id => Ok(()),
            id => Err(undecodable(format!("it speaks of task {id}, not of {}", task.id))),
        }
    }

    /// One request that carries the token. The proxy may have seen the token before the kubelet renewed it, so
    /// a 401 is answered once with what the file has then.
    async fn call(&self, method: Method, path: &str, body: Option<Bytes>) -> Result<Answer, Error> {
        let answer = self.within(DEADLINE, method.clone(), path, body.clone(), true).await?;
        let has_token = matches!(self.connection, Connection::Verified(..));
        if answer.status == StatusCode::UNAUTHORIZED && has_token {
            return self.within(DEADLINE, method, path, body, true).await;
        }
        Ok(answer)
    }

    async fn within(
        &self,
        deadline: Duration,
        method: Method,
        path: &str,
        body: Option<Bytes>,
        with_token: bool,
    ) -> Result<Answer, Error> {
        let exchange = self.exchange(method, path, body, with_token);
        match tokio::time::timeout(deadline, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(Error::Timeout { url: self.url(path), seconds: deadline.as_secs() }),
        }
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
        with_token: bool,
    ) -> Result<Answer, Error> {
        let url = self.url(path);
        let mut request = Request::builder().method(method).uri(&url);
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        if let Connection::Verified(_, token) = &self.connection
            && with_token
        {
            request = request.header(header::AUTHORIZATION, token.header().await?);
        }
        let request = request
            .body(Full::new(body.unwrap_or_default()))
            .map_err(|error| Error::BadUrl { url: url.clone(), why: error.to_string() })?;
        let response = match &self.connection {
            Connection::Plain(pool) => pool.request(request).await,
            Connection::Verified(pool, _) => pool.request(request).await,
        };
        let response = response.map_err(|error| failed(&url, &error))?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, BODY_LIMIT).collect().await;
        let body = body.map_err(|error| Error::Undecodable { url: url.clone(), why: root(&*error) })?;
        Ok(Answer { url, status: parts.status, body: body.to_bytes() })
    }

    fn url(&self, path: &str) -> String {
        let authority = self.base.authority().map_or("", |authority| authority.as_str());
        format!("{}://{authority}{path}", self.base.scheme_str().unwrap_or("http"))
    }
}

impl Answer {
    fn decode<T: DeserializeOwned>(self) -> Result<T, Error> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Error::Undecodable { url: self.url, why: error.to_string() })
    }

    fn refused(self) -> Error {
        let text = serde_json::from_slice::<Refusal>(&self.body).map(|refusal| refusal.error);
        let text = text.unwrap_or_else(|_| String::from_utf8_lossy(&self.body).trim().to_owned());
        let text = text[..text.floor_char_boundary(QUOTE_LIMIT)].to_owned();
        match self.status {
            StatusCode::BAD_REQUEST => Error::BadRequest { message: text },
            StatusCode::UNAUTHORIZED => Error::Unauthorized { url: self.url },
            StatusCode::FORBIDDEN => Error::Forbidden { url: self.url, message: text },
            status => Error::UnexpectedStatus { url: self.url, code: status.as_u16(), body: text },
        }
    }
}

/// A request without an answer: refused by our own verifier, or the network's fault.
fn failed(url: &str, error: &hyper_util::client::legacy::Error) -> Error {
    match verdict(error) {
        Some(why) => Error::Untrusted { url: url.to_owned(), why },
        None => Error::Unreachable { url: url.to_owned(), why: root(error) },
    }
}

/// What our verifier said, if it was the one that refused.
fn verdict(error: &(dyn StdError + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        // An io::Error hides what it carries from `source`.
        let inner = error.downcast_ref::<io::Error>().and_then(|error| error.get_ref());
        let inner = inner.map(|inner| inner as &(dyn StdError + 'static));
        for error in [Some(error), inner].into_iter().flatten() {
            if let Some(tls) = error.downcast_ref::<rustls::Error>() {
                let refused = matches!(
                    tls,
                    rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented
                );
                return refused.then(|| tls.to_string());
            }
        }
        next = inner.or_else(|| error.source());
    }
    None
}

/// The innermost reason: the outer ones only say that something was the matter.
fn root(error: &(dyn StdError + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
