//! Which certificate the server presented: after a renewal it may go on serving that one for a while.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::{
    DigitallySignedStruct, Error as TlsError, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

/// The certificate of the last server that was verified. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Served(Arc<Mutex<Option<CertificateDer<'static>>>>);

impl Served {
    pub(crate) fn leaf(&self) -> Option<CertificateDer<'static>> {
        // A panic elsewhere leaves it whole: every access is one read or write.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// `verifier`, noting whom it accepts.
    pub(crate) fn noted_by(&self, verifier: Arc<dyn ServerCertVerifier>) -> Arc<dyn ServerCertVerifier> {
        Arc::new(Noting { verifier, served: self.clone() })
    }
}

#[derive(Debug)]
struct Noting {
    verifier: Arc<dyn ServerCertVerifier>,
    served: Served,
}

impl ServerCertVerifier for Noting {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let verified = self.verifier.verify_server_cert(end_entity, intermediates, name, ocsp, now)?;
        *self.served.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(end_entity.clone().into_owned());
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.verifier.verify_tls12_signature(message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.verifier.verify_tls13_signature(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
