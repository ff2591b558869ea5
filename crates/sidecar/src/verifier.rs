//! Which server is accepted as a node's sidecar: one with a certificate from the node's own Secret, for the
//! requested name. Verification cannot be turned off, and every connection is verified.

use std::sync::Arc;

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
    client::{
        Resumption, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::EndEntityCert;
use x509_cert::{Certificate, der::Decode};

use crate::served::Served;

/// The certificates that are accepted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ServerTrust {
    /// Issued, directly or through intermediates, by one of these.
    Roots(Vec<CertificateDer<'static>>),
    /// Exactly this certificate. It may be self-signed and marked as a CA, as `openssl req -x509` creates it.
    Leaf(CertificateDer<'static>),
}

/// A client configuration that accepts `trust` and no other server.
pub(crate) fn client_config(trust: &ServerTrust, served: &Served) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let accepted = match trust {
        ServerTrust::Roots(certificates) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates {
                roots.add(certificate.clone())?;
            }
            let verifier =
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                    .build()
                    .map_err(|error| TlsError::General(error.to_string()))?;
            Accepted::Issued(verifier)
        }
        ServerTrust::Leaf(leaf) => Accepted::Leaf(leaf.clone()),
    };
    let verifier = Verifier { accepted, provider: Arc::clone(&provider), served: served.clone() };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    // A resumed session presents no certificate, so one that has since expired, or is no longer trusted, would still be
    // accepted.
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// Verifies every server and records the certificate of the last one that was accepted.
#[derive(Debug)]
struct Verifier {
    accepted: Accepted,
    provider: Arc<CryptoProvider>,
    served: Served,
}

#[derive(Debug)]
enum Accepted {
    Issued(Arc<WebPkiServerVerifier>),
    Leaf(CertificateDer<'static>),
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let verified = match &self.accepted {
            Accepted::Issued(verifier) => {
                verifier.verify_server_cert(end_entity, intermediates, name, ocsp, now)?
            }
            Accepted::Leaf(leaf) => verify_leaf(leaf, end_entity, name, now)?,
        };
        self.served.note(end_entity);
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Accepts one certificate: by its bytes, its names and its validity period.
fn verify_leaf(
    leaf: &CertificateDer<'_>,
    presented: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<ServerCertVerified, TlsError> {
    if presented != leaf {
        return Err(CertificateError::ApplicationVerificationFailure.into());
    }
    let bad = |_| TlsError::from(CertificateError::BadEncoding);
    let cert = EndEntityCert::try_from(presented).map_err(bad)?;
    cert.verify_is_valid_for_subject_name(name).map_err(|_| CertificateError::NotValidForName)?;
    // webpki checks the dates only as part of path validation, but a pinned certificate has no path.
    let parsed = Certificate::from_der(presented).map_err(|_| CertificateError::BadEncoding)?;
    let validity = parsed.tbs_certificate().validity();
    if now.as_secs() < validity.not_before.to_unix_duration().as_secs() {
        return Err(CertificateError::NotValidYet.into());
    }
    if now.as_secs() > validity.not_after.to_unix_duration().as_secs() {
        return Err(CertificateError::Expired.into());
    }
    Ok(ServerCertVerified::assertion())
}

#[cfg(test)]
mod tests {
    use rustls::{ClientConnection, HandshakeKind, ServerConfig, ServerConnection};
    use rustls_pki_types::pem::PemObject;
    use sei_testkit::certs;

    use super::*;

    /// Opens one connection and reads its session tickets; returns the kind of handshake.
    fn connect(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> HandshakeKind {
        let name = ServerName::try_from("rpc-0.sei.svc.cluster.local").unwrap();
        let mut client = ClientConnection::new(Arc::clone(client), name).unwrap();
        let mut server = ServerConnection::new(Arc::clone(server)).unwrap();
        while client.wants_write() || server.wants_write() {
            let mut sent = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut sent).unwrap();
            }
            let mut sent = sent.as_slice();
            while !sent.is_empty() {
                server.read_tls(&mut sent).unwrap();
                server.process_new_packets().unwrap();
            }
            let mut answer = Vec::new();
            while server.wants_write() {
                server.write_tls(&mut answer).unwrap();
            }
            let mut answer = answer.as_slice();
            while !answer.is_empty() {
                client.read_tls(&mut answer).unwrap();
                client.process_new_packets().unwrap();
            }
        }
        client.handshake_kind().unwrap()
    }

    #[test]
    fn every_connection_is_verified() {
        let pair = certs::self_signed(&["rpc-0.sei.svc.cluster.local".to_owned()]).unwrap();
        let leaf = CertificateDer::from_pem_slice(pair.crt.as_bytes()).unwrap();
        let client = Arc::new(client_config(&ServerTrust::Leaf(leaf.clone()), &Served::default()).unwrap());
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let key = rustls_pki_types::PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
            let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_protocol_versions(&[version])
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![leaf.clone()], key);
            let server = Arc::new(server.unwrap());
            for _ in 0..2 {
                assert_eq!(connect(&client, &server), HandshakeKind::Full, "{version:?}");
            }
        }
    }
}
