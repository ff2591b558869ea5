//! Connections to a real sidecar.

use std::sync::{Arc, Mutex, PoisonError};

use sei_decide::SeidStatus;
use sei_sidecar::{
    Client, Error, Health, Seid, ServerTrust, TaskRecord, TaskRequest, TokenSource, Transport,
};
use tokio::time::Instant;
use tracing::{Instrument, field::Empty};
use uuid::Uuid;

use super::{
    calls::{Api, Dial},
    target::Target,
    token::Tokens,
    trusted::Trusted,
};
use crate::metrics::Metrics;

/// Connects to the sidecar of one node.
pub(super) struct Dialer {
    transport: Transport,
    tokens: Tokens,
    /// The audience that the last token source is for.
    source: Option<(String, Arc<dyn TokenSource>)>,
    trusted: Arc<Mutex<Trusted>>,
    metrics: Arc<Metrics>,
}

impl Dialer {
    pub(super) fn new(transport: Transport, tokens: Tokens, metrics: Arc<Metrics>) -> Self {
        Self { transport, tokens, source: None, trusted: Arc::default(), metrics }
    }

    /// Tokens for `audience`: cached, so that a token outlives the connection that it was requested for.
    fn source(&mut self, audience: &str) -> Arc<dyn TokenSource> {
        match &self.source {
            Some((known, source)) if known == audience => Arc::clone(source),
            _ => {
                let source = self.tokens.of_audience(audience);
                self.source = Some((audience.to_owned(), Arc::clone(&source)));
                source
            }
        }
    }
}

impl Dial for Dialer {
    type Connection = Connection;

    fn dial(&mut self, target: &Target) -> Result<Connection, Error> {
        let plain = self.transport.plain(&target.plain_url())?;
        let seid = self.transport.seid(&target.rpc_url())?;
        let metrics = Arc::clone(&self.metrics);
        let Some(tls) = &target.tls else {
            return Ok(Connection { client: plain, seid, verified: None, metrics });
        };
        let tokens = self.source(&tls.audience);
        let client = self.transport.verified(&target.url(), &tls.trust, Arc::clone(&tokens))?;
        let now = Instant::now();
        let before = {
            let mut trusted = lock(&self.trusted);
            trusted.replace(&target.pod, &tls.trust, now);
            trusted.before(now)
        };
        let before = before.map(|leaf| self.transport.verified(&target.url(), &leaf, tokens)).transpose()?;
        let verified = Verified { trusted: Arc::clone(&self.trusted), before, plain };
        Ok(Connection { client, seid, verified: Some(verified), metrics })
    }
}

/// Connections to one sidecar, and to the seid in the same pod.
#[derive(Clone)]
pub(super) struct Connection {
    client: Client,
    seid: Seid,
    verified: Option<Verified>,
    metrics: Arc<Metrics>,
}

/// Additional state of a TLS connection.
#[derive(Clone)]
struct Verified {
    trusted: Arc<Mutex<Trusted>>,
    /// Accepts the certificate that was served before the Secret changed.
    before: Option<Client>,
    plain: Client,
}

impl Connection {
    /// Measures `call`.
    async fn timed<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let started = Instant::now();
        let span = tracing::debug_span!(
            "call",
            otel.name = operation,
            otel.kind = "client",
            otel.status_code = Empty
        );
        let answer = call.instrument(span.clone()).await;
        if answer.is_err() {
            span.record("otel.status_code", "ERROR");
        }
        self.metrics.called(operation, answer.as_ref().err(), started.elapsed());
        answer
    }

    /// Runs `call` with the current trust, or else with the certificate that was served before it.
    async fn trusting<T, F>(&self, call: impl Fn(Client) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let answer = call(self.client.clone()).await;
        let Some(verified) = &self.verified else { return answer };
        match answer {
            Err(refused @ Error::Untrusted { .. }) => {
                let before = verified.before.as_ref();
                let is_accepted = lock(&verified.trusted).before(Instant::now()).is_some();
                let Some(before) = before.filter(|_| is_accepted) else { return Err(refused) };
                match call(before.clone()).await {
                    Err(Error::Untrusted { .. }) => Err(refused),
                    answer => answer,
                }
            }
            answer => {
                if answer.is_ok() {
                    lock(&verified.trusted).verified(self.client.served().map(ServerTrust::Leaf));
                }
                answer
            }
        }
    }
}

impl Api for Connection {
    async fn healthz(&self) -> Result<Health, Error> {
        self.timed("healthz", self.trusting(|client| async move { client.healthz().await })).await
    }

    async fn is_held(&self) -> Result<bool, Error> {
        self.timed("is_held", self.trusting(|client| async move { client.is_held().await })).await
    }

    async fn task(&self, id: Uuid) -> Result<Option<TaskRecord>, Error> {
        self.timed("task", self.trusting(|client| async move { client.task(id).await })).await
    }

    async fn submit(&self, request: &TaskRequest) -> Result<(), Error> {
        self.timed("submit", self.trusting(|client| async move { client.submit(request).await })).await
    }

    async fn node_id(&self) -> Result<Option<String>, Error> {
        self.timed("node_id", self.trusting(|client| async move { client.node_id().await })).await
    }

    async fn supports(&self, type_: &str) -> Result<bool, Error> {
        self.timed("supports", self.trusting(|client| async move { client.supports(type_).await })).await
    }

    async fn seid(&self) -> Result<SeidStatus, Error> {
        let sei_sidecar::SeidStatus { height, catching_up, latest_block, peers } =
            self.timed("seid_status", self.seid.status()).await?;
        Ok(SeidStatus { height, catching_up, latest_block, peers })
    }

    async fn plain_port_answers(&self) -> bool {
        let Some(verified) = &self.verified else { return false };
        !matches!(verified.plain.healthz().await, Err(Error::Unreachable { .. } | Error::Timeout { .. }))
    }
}

fn lock(trusted: &Mutex<Trusted>) -> std::sync::MutexGuard<'_, Trusted> {
    // A panic elsewhere cannot leave it inconsistent: every access is a few assignments.
    trusted.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
