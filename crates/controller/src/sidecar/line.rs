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

    /// Tokens for `audience`: cached, so that one outlives the connection that it was requested for.
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
    type Line = Line;

    fn dial(&mut self, target: &Target) -> Result<Line, Error> {
        let plain = self.transport.plain(&target.plain_url())?;
        let seid = self.transport.seid(&target.rpc_url())?;
        let metrics = Arc::clone(&self.metrics);
        let Some(tls) = &target.tls else {
            return Ok(Line { client: plain, seid, verified: None, metrics });
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
        Ok(Line { client, seid, verified: Some(verified), metrics })
    }
}

/// Connections to one sidecar, and to the seid beside it.
#[derive(Clone)]
pub(super) struct Line {
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

impl Line {
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

impl Api for Line {
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
mod tests {
    use std::io::Write;

    use rustls_pki_types::{CertificateDer, pem::PemObject};
    use sei_sidecar::AlwaysOpen;
    use sei_testkit::{
        certs::{Authority, Pair},
        sidecar::{Access, Simulator},
    };

    use tempfile::NamedTempFile;

    use super::*;
    use crate::sidecar::target::Verification;

    const HOST: &str = "node-0-0.node-0.sei.svc.cluster.local";

    struct Bed {
        simulator: Simulator,
        dialer: Dialer,
        _token: NamedTempFile,
    }

    async fn bed() -> Bed {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let simulator = Simulator::start(Access::AnyToken).await.unwrap();
        simulator.run(HOST);
        let rules = simulator.connect_to().iter().map(|rule| rule.parse().unwrap()).collect();
        let transport = Transport::new(rules, Arc::new(AlwaysOpen));
        let mut token = NamedTempFile::new().unwrap();
        writeln!(token, "a-token").unwrap();
        let tokens = Tokens::File(token.path().to_owned());
        Bed { simulator, dialer: Dialer::new(transport, tokens, Arc::default()), _token: token }
    }

    fn issue(authority: &Authority) -> Pair {
        authority.issue(&[HOST.to_owned()]).unwrap()
    }

    fn target(authority: &Authority) -> Target {
        Target {
            pod: "u1".to_owned(),
            host: HOST.to_owned(),
            port: 7777,
            tls: Some(Verification {
                trust: ServerTrust::Roots(vec![
                    CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap(),
                ]),
                audience: "sei-sidecar/sei/node-0".to_owned(),
            }),
        }
    }

    impl Bed {
        fn serve(&self, pair: &Pair) {
            self.simulator.serve_certificate(HOST, pair.crt.as_bytes(), pair.key.as_bytes()).unwrap();
        }

        /// Whether a sidecar that serves `pair` is trusted, on a new connection.
        async fn believes(&mut self, pair: &Pair, target: &Target) -> bool {
            self.serve(pair);
            match self.dialer.dial(target).unwrap().task(Uuid::nil()).await {
                Ok(_) => true,
                Err(Error::Untrusted { .. }) => false,
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[tokio::test]
    async fn a_replaced_authority_is_trusted_only_for_the_served_certificate_and_only_as_long_as_needed() {
        let mut bed = bed().await;
        let (old, new) = (Authority::new("old").unwrap(), Authority::new("new").unwrap());
        let (served, other, renewed) = (issue(&old), issue(&old), issue(&new));
        assert!(bed.believes(&served, &target(&old)).await);
        assert!(bed.believes(&served, &target(&new)).await, "the proxy has not loaded the new one yet");
        assert!(!bed.believes(&other, &target(&new)).await, "another certificate of the old authority");
        assert!(bed.believes(&served, &target(&new)).await);
        assert!(bed.believes(&renewed, &target(&new)).await);
        assert!(!bed.believes(&served, &target(&new)).await, "the new certificate was served");
    }

    #[tokio::test]
    async fn a_new_pod_must_serve_the_new_certificate() {
        let mut bed = bed().await;
        let (old, new) = (Authority::new("old").unwrap(), Authority::new("new").unwrap());
        let served = issue(&old);
        assert!(bed.believes(&served, &target(&old)).await);
        let replaced = Target { pod: "u2".to_owned(), ..target(&new) };
        assert!(!bed.believes(&served, &replaced).await);
    }

    #[tokio::test]
    async fn the_plain_port_of_an_old_sidecar_is_found() {
        let mut bed = bed().await;
        let authority = Authority::new("issuer").unwrap();
        bed.serve(&issue(&authority));
        let line = bed.dialer.dial(&target(&authority)).unwrap();
        assert!(!line.plain_port_answers().await);
        bed.simulator.faults(HOST, |faults| faults.plain_port = true);
        assert!(line.plain_port_answers().await);
    }
}
