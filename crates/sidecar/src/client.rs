//! Calls to the sidecar's API that the operator makes, each with its deadline.

use std::{error::Error as StdError, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use rustls_pki_types::CertificateDer;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    Error, Gate, Health, RefusalKind, TaskRecord, TaskRequest, Token,
    connection::Connection,
    text::cut,
    verdict::verdict,
    wire::{NodeId, Refusal, Submitted, is_held, is_node_id},
};

const DEADLINE: Duration = Duration::from_secs(10);
const HEALTH_DEADLINE: Duration = Duration::from_secs(2);
/// Maximum size of a response body, in bytes. A list has up to a hundred records with their parameters.
const BODY_LIMIT: usize = 4 << 20;

/// The API of one sidecar. Creating a client opens no connection.
#[derive(Clone)]
pub struct Client {
    base: Uri,
    connection: Connection,
    gate: Arc<dyn Gate>,
}

struct Answer {
    url: String,
    status: StatusCode,
    body: Bytes,
}

impl Client {
    pub(crate) fn new(base: Uri, connection: Connection, gate: Arc<dyn Gate>) -> Self {
        Self { base, connection, gate }
    }

    /// The server certificate from the most recent successful verification.
    pub fn served(&self) -> Option<CertificateDer<'static>> {
        match &self.connection {
            Connection::Plain(_) => None,
            Connection::Verified(verified) => verified.served.leaf(),
        }
    }

    /// Returns the result of `/v0/healthz`. No token is sent: the proxy passes the request on without one.
    ///
    /// # Errors
    /// Any [`Error`]; a status other than 200 and 503 is [`Error::UnexpectedStatus`].
    pub async fn healthz(&self) -> Result<Health, Error> {
        let answer = self.within(HEALTH_DEADLINE, Method::GET, "/v0/healthz", None, None).await?;
        match answer.status {
            StatusCode::OK => Ok(Health::Ready),
            StatusCode::SERVICE_UNAVAILABLE => Ok(Health::NotReady),
            _ => Err(answer.refused()),
        }
    }

    /// Returns the sidecar's record of task `id`, or `None` if the task is unknown to the sidecar.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn task(&self, id: Uuid) -> Result<Option<TaskRecord>, Error> {
        let answer = self.call(Method::GET, &format!("/v0/tasks/{id}"), None).await?;
        match answer.status {
            StatusCode::OK => {
                let url = answer.url.clone();
                match answer.decode::<TaskRecord>()? {
                    record if record.id == id => Ok(Some(record)),
                    record => Err(Error::Undecodable { url, why: other_task(record.id, id) }),
                }
            }
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(answer.refused()),
        }
    }

    /// Submits a task. A task that has failed runs again; one that is running or completed is left alone.
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::BadRequest`] carries the sidecar's message.
    pub async fn submit(&self, task: &TaskRequest) -> Result<(), Error> {
        let undecodable = |why: String| Error::Undecodable { url: self.url("/v0/tasks"), why };
        let body = serde_json::to_vec(task).map_err(|error| undecodable(error.to_string()))?;
        let answer = self.call(Method::POST, "/v0/tasks", Some(body.into())).await?;
        if !matches!(answer.status, StatusCode::CREATED | StatusCode::ACCEPTED) {
            return Err(answer.refused());
        }
        match answer.decode::<Submitted>()?.id {
            id if id == task.id => Ok(()),
            id => Err(undecodable(other_task(id, task.id))),
        }
    }

    /// Returns the node's ID in the peer-to-peer network: 40 lower-case hexadecimal digits. `None` until its
    /// key exists. The ID is available before seid runs.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn node_id(&self) -> Result<Option<String>, Error> {
        let answer = self.call(Method::GET, "/v0/node-id", None).await?;
        match answer.status {
            StatusCode::OK => {
                let url = answer.url.clone();
                let id = answer.decode::<NodeId>()?.node_id;
                let undecodable =
                    || Error::Undecodable { url, why: "nodeId is not 40 hexadecimal digits".to_owned() };
                is_node_id(&id).then_some(Some(id)).ok_or_else(undecodable)
            }
            StatusCode::INTERNAL_SERVER_ERROR => Ok(None),
            _ => Err(answer.refused()),
        }
    }

    /// Whether the sidecar supports tasks of type `type_`. Nothing is submitted: the sidecar checks the type
    /// before the ID, and the ID of this request is invalid.
    ///
    /// # Errors
    /// Any [`Error`], also for a response that is neither yes nor no.
    pub async fn supports(&self, type_: &str) -> Result<bool, Error> {
        let body = serde_json::json!({ "type": type_, "id": "probe" }).to_string();
        let answer = self.call(Method::POST, "/v0/tasks", Some(body.into())).await?;
        match answer.refused() {
            Error::BadRequest { refusal: RefusalKind::UnknownTask, .. } => Ok(false),
            Error::BadRequest { refusal: RefusalKind::BadId, .. } => Ok(true),
            error => Err(error),
        }
    }

    /// Whether another client holds the node: the newest task that changes its readiness is a `mark-not-ready` that did
    /// not fail. Sidecars before v0.0.64 do not have such a task.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn is_held(&self) -> Result<bool, Error> {
        let answer = self.call(Method::GET, "/v0/tasks", None).await?;
        match answer.status {
            StatusCode::OK => answer.decode::<Vec<Value>>().map(|records| is_held(&records)),
            _ => Err(answer.refused()),
        }
    }

    /// The decoded answer to a request without a token.
    pub(crate) async fn get<T: DeserializeOwned>(&self, deadline: Duration, path: &str) -> Result<T, Error> {
        let answer = self.within(deadline, Method::GET, path, None, None).await?;
        match answer.status {
            StatusCode::OK => answer.decode(),
            _ => Err(answer.refused()),
        }
    }

    /// Sends one request with a token. The proxy may consider the token expired before its source does, so
    /// after a 401 the request is sent once more with the token that the source returns then.
    async fn call(&self, method: Method, path: &str, body: Option<Bytes>) -> Result<Answer, Error> {
        let Connection::Verified(verified) = &self.connection else {
            return self.within(DEADLINE, method, path, body, None).await;
        };
        let token = verified.tokens.token(None).await?;
        let answer = self.within(DEADLINE, method.clone(), path, body.clone(), Some(&token)).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let token = verified.tokens.token(Some(&token)).await?;
        self.within(DEADLINE, method, path, body, Some(&token)).await
    }

    async fn within(
        &self,
        deadline: Duration,
        method: Method,
        path: &str,
        body: Option<Bytes>,
        token: Option<&Token>,
    ) -> Result<Answer, Error> {
        let exchange = self.exchange(method, path, body, token);
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
        token: Option<&Token>,
    ) -> Result<Answer, Error> {
        let url = self.url(path);
        if method != Method::GET && !self.gate.is_open() {
            return Err(Error::NotLeading { url });
        }
        let mut request = Request::builder().method(method).uri(&url);
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, token.header());
        }
        let request = request
            .body(Full::new(body.unwrap_or_default()))
            .map_err(|error| Error::BadUrl { url: url.clone(), why: error.to_string() })?;
        let response = self.connection.send(request).await.map_err(|error| failed(&url, &error))?;
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
        // The error quotes the value that has another type.
        serde_json::from_slice(&self.body)
            .map_err(|error| Error::Undecodable { url: self.url, why: cut(&error.to_string()) })
    }

    fn refused(self) -> Error {
        let text = serde_json::from_slice::<Refusal>(&self.body).map(|refusal| refusal.error);
        let text = cut(&text.unwrap_or_else(|_| String::from_utf8_lossy(&self.body).into_owned()));
        match self.status {
            StatusCode::BAD_REQUEST => Error::BadRequest { refusal: RefusalKind::read(&text), message: text },
            StatusCode::UNAUTHORIZED => Error::Unauthorized { url: self.url },
            StatusCode::FORBIDDEN => Error::Forbidden { url: self.url, message: text },
            status => Error::UnexpectedStatus { url: self.url, code: status.as_u16(), body: text },
        }
    }
}

fn other_task(found: Uuid, wanted: Uuid) -> String {
    format!("it describes task {found} instead of {wanted}")
}

/// An error for a request without a response: refused by our own verifier, or a network error.
fn failed(url: &str, error: &hyper_util::client::legacy::Error) -> Error {
    match verdict(error) {
        Some(why) => Error::Untrusted { url: url.to_owned(), why: cut(&why) },
        None => Error::Unreachable { url: url.to_owned(), why: root(error) },
    }
}

/// The innermost cause: the outer errors only state that something failed.
fn root(error: &(dyn StdError + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    cut(&innermost.to_string())
}
