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
    async fn trusts(&mut self, pair: &Pair, target: &Target) -> bool {
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
    assert!(bed.trusts(&served, &target(&old)).await);
    assert!(bed.trusts(&served, &target(&new)).await, "the proxy has not loaded the new one yet");
    assert!(!bed.trusts(&other, &target(&new)).await, "another certificate of the old authority");
    assert!(bed.trusts(&served, &target(&new)).await);
    assert!(bed.trusts(&renewed, &target(&new)).await);
    assert!(!bed.trusts(&served, &target(&new)).await, "the new certificate was served");
}

#[tokio::test]
async fn a_new_pod_must_serve_the_new_certificate() {
    let mut bed = bed().await;
    let (old, new) = (Authority::new("old").unwrap(), Authority::new("new").unwrap());
    let served = issue(&old);
    assert!(bed.trusts(&served, &target(&old)).await);
    let replaced = Target { pod: "u2".to_owned(), ..target(&new) };
    assert!(!bed.trusts(&served, &replaced).await);
}

#[tokio::test]
async fn the_plain_port_of_an_old_sidecar_is_found() {
    let mut bed = bed().await;
    let authority = Authority::new("issuer").unwrap();
    bed.serve(&issue(&authority));
    let connection = bed.dialer.dial(&target(&authority)).unwrap();
    assert!(!connection.plain_port_answers().await);
    bed.simulator.faults(HOST, |faults| faults.plain_port = true);
    assert!(connection.plain_port_answers().await);
}
