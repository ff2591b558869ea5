//! Who is believed to be a node's sidecar: whoever has a certificate of the node's own Secret, for the name
//! that was asked for. There is no way to turn this off.

use std::sync::Arc;

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::EndEntityCert;
use x509_cert::{Certificate, der::Decode};

use crate::served::Served;

/// What the server's certificate must be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ServerTrust {
    /// Issued, directly or through others, by one of these.
    Roots(Vec<CertificateDer<'static>>),
    /// Exactly this one. It may be a self-signed one that calls itself a CA, as `openssl req -x509` makes.
    Leaf(CertificateDer<'static>),
}

/// A client configuration that believes `trust` and nobody else.
pub(crate) fn client_config(trust: &ServerTrust, served: &Served) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match trust {
        ServerTrust::Roots(certificates) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates {
                roots.add(certificate.clone())?;
            }
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .map_err(|error| TlsError::General(error.to_string()))?
        }
        ServerTrust::Leaf(leaf) => {
            Arc::new(LeafVerifier { leaf: leaf.clone(), provider: Arc::clone(&provider) })
        }
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(served.noted_by(verifier))
        .with_no_client_auth();
    Ok(config)
}

/// Believes one certificate: by its bytes, for its names, while it is valid, and only whoever has its key.
#[derive(Debug)]
struct LeafVerifier {
    leaf: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for LeafVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        if *end_entity != self.leaf {
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        let bad = |_| TlsError::from(CertificateError::BadEncoding);
        let cert = EndEntityCert::try_from(end_entity).map_err(bad)?;
        cert.verify_is_valid_for_subject_name(name).map_err(|_| CertificateError::NotValidForName)?;
        // webpki looks at the dates only together with a path, and a pinned certificate has none.
        let parsed = Certificate::from_der(end_entity).map_err(|_| CertificateError::BadEncoding)?;
        let validity = parsed.tbs_certificate().validity();
        if now.as_secs() < validity.not_before.to_unix_duration().as_secs() {
            return Err(CertificateError::NotValidYet.into());
        }
        if now.as_secs() > validity.not_after.to_unix_duration().as_secs() {
            return Err(CertificateError::Expired.into());
        }
        Ok(ServerCertVerified::assertion())
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
