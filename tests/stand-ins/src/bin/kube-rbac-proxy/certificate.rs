//! The served certificate, and how it is renewed.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use anyhow::Context;
use rustls::{
    ServerConfig,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use sei_testkit::certs;
use tokio_rustls::TlsAcceptor;

/// Paths of a certificate and its key.
pub(crate) struct Pair {
    pub(crate) crt: PathBuf,
    pub(crate) key: PathBuf,
}

impl Pair {
    fn load(&self) -> anyhow::Result<Arc<CertifiedKey>> {
        let read = |path: &PathBuf| fs::read(path).with_context(|| format!("read {}", path.display()));
        let certified = certs::certified(&read(&self.crt)?, &read(&self.key)?);
        Ok(Arc::new(certified.with_context(|| format!("load {}", self.crt.display()))?))
    }
}

/// The certificate that is currently served.
#[derive(Debug)]
pub(crate) struct Certificate(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// The current certificate, and an acceptor of connections that always serves the latest one.
pub(crate) fn serving(pair: &Pair) -> anyhow::Result<(Arc<Certificate>, TlsAcceptor)> {
    let certificate = Arc::new(Certificate(RwLock::new(pair.load()?)));
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_cert_resolver(Arc::clone(&certificate) as Arc<dyn ResolvesServerCert>);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok((certificate, TlsAcceptor::from(Arc::new(config))))
}

/// Reloads the pair periodically. Ends with an error if it can no longer be served.
pub(crate) async fn reload(pair: &Pair, certificate: &Certificate, interval: Duration) -> anyhow::Result<()> {
    loop {
        tokio::time::sleep(interval).await;
        *certificate.0.write().unwrap_or_else(PoisonError::into_inner) = pair.load()?;
    }
}
