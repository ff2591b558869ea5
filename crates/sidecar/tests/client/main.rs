//! The client against real TLS and real sockets: which servers it trusts, what it sends, and that a hanging
//! server does not block it.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

mod requests;
mod trust;

use std::{io::Write, sync::Arc};

use rustls_pki_types::{CertificateDer, pem::PemObject};
use sei_sidecar::{AlwaysOpen, Client, ServerTrust, TokenFile, Transport};
use sei_testkit::{
    certs::{Authority, Pair},
    sidecar::{Access, Simulator},
};
use tempfile::NamedTempFile;

const HOST: &str = "rpc-0-0.rpc-0.sei.svc.cluster.local";

struct Bed {
    simulator: Simulator,
    transport: Transport,
    token: NamedTempFile,
}

async fn bed() -> Bed {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let simulator = Simulator::start(Access::AnyToken).await.unwrap();
    simulator.run(HOST);
    let mut token = NamedTempFile::new().unwrap();
    writeln!(token, "a-token").unwrap();
    let rules = simulator.connect_to().iter().map(|rule| rule.parse().unwrap()).collect();
    let transport = Transport::new(rules, Arc::new(AlwaysOpen));
    Bed { simulator, transport, token }
}

impl Bed {
    fn serve(&self, pair: &Pair) {
        self.simulator.serve_certificate(HOST, pair.crt.as_bytes(), pair.key.as_bytes()).unwrap();
    }

    fn client(&self, trust: &ServerTrust) -> Client {
        let token = Arc::new(TokenFile::new(self.token.path().to_owned()));
        self.transport.verified(&format!("https://{HOST}:8443"), trust, token).unwrap()
    }

    fn plain(&self) -> Client {
        self.transport.plain(&format!("http://{HOST}:7777")).unwrap()
    }
}

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

fn roots(authority: &Authority) -> ServerTrust {
    ServerTrust::Roots(vec![der(&authority.pem())])
}

fn names() -> Vec<String> {
    vec![HOST.to_owned()]
}
