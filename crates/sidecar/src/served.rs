//! Which certificate the server presented: after a renewal it may go on serving that one for a while.

use std::sync::{Arc, Mutex, PoisonError};

use rustls_pki_types::CertificateDer;

/// The certificate of the last server that was verified. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Served(Arc<Mutex<Option<CertificateDer<'static>>>>);

impl Served {
    pub(crate) fn leaf(&self) -> Option<CertificateDer<'static>> {
        // A panic elsewhere leaves it whole: every access is one read or write.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes the certificate of a server that was verified.
    pub(crate) fn note(&self, leaf: &CertificateDer<'_>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(leaf.clone().into_owned());
    }
}
