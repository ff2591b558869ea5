//! Which certificate the server presented: after a renewal it may keep serving the old one for a while.

use std::sync::{Arc, Mutex, PoisonError};

use rustls_pki_types::CertificateDer;

/// The certificate of the most recently verified server. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Served(Arc<Mutex<Option<CertificateDer<'static>>>>);

impl Served {
    pub(crate) fn leaf(&self) -> Option<CertificateDer<'static>> {
        // A panic elsewhere cannot leave it inconsistent: every access is one read or write.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Records the certificate of a verified server.
    pub(crate) fn note(&self, leaf: &CertificateDer<'_>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(leaf.clone().into_owned());
    }
}
