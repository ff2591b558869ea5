//! A real S3 server over a folder: the protocol with its signatures, and objects as plain files, so that a test
//! puts one there without a client.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use rustls::{ServerConfig, sign::SingleCertAndKey};
use s3s::{
    auth::SimpleAuth,
    service::{S3Service, S3ServiceBuilder},
};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    certs::{Pair, certified},
    sidecar::home,
};

const KEY: &str = "operator";
const SECRET: &str = "of-the-operator";

/// A server with one bucket. It ends when dropped.
pub struct S3 {
    url: String,
    bucket: String,
    folder: TempDir,
    stop: watch::Sender<()>,
}

impl S3 {
    /// Listens on loopback.
    ///
    /// # Errors
    /// When no port or folder is to be had.
    pub async fn start(bucket: &str) -> anyhow::Result<Self> {
        Self::listen(bucket, None).await
    }

    /// Listens on loopback with TLS, under the name localhost.
    ///
    /// # Errors
    /// When no port or folder is to be had, or `certificate` cannot be served.
    pub async fn start_tls(bucket: &str, certificate: &Pair) -> anyhow::Result<Self> {
        let certified = certified(certificate.crt.as_bytes(), certificate.key.as_bytes())?;
        let resolver = Arc::new(SingleCertAndKey::from(certified));
        let config = ServerConfig::builder().with_no_client_auth().with_cert_resolver(resolver);
        Self::listen(bucket, Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn listen(bucket: &str, tls: Option<TlsAcceptor>) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("make a folder for objects")?;
        fs::create_dir(folder.path().join(bucket)).context("make the bucket")?;
        let service = service(folder.path())?;
        let listener = TcpListener::bind("127.0.0.1:0").await.context("listen")?;
        let port = listener.local_addr()?.port();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://localhost:{port}");
        let (stop, mut stopped) = watch::channel(());
        tokio::spawn(async move {
            loop {
                let stream = tokio::select! {
                    Ok((stream, _)) = listener.accept() => stream,
                    // The sender is gone, and with it the server.
                    _ = stopped.changed() => return,
                };
                let (service, tls, mut stopped) = (service.clone(), tls.clone(), stopped.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        () = serve(stream, tls, service) => {}
                        _ = stopped.changed() => {}
                    }
                });
            }
        });
        Ok(Self { url, bucket: bucket.to_owned(), folder, stop })
    }

    /// Variables by which a client finds the server and is let in.
    pub fn variables(&self) -> [(&'static str, String); 3] {
        [
            ("AWS_ENDPOINT_URL_S3", self.url.clone()),
            ("AWS_ACCESS_KEY_ID", KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
        ]
    }

    /// The bucket's folder; objects are files in it.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().join(&self.bucket)
    }

    /// Puts an object there.
    ///
    /// # Errors
    /// What the file system says.
    pub fn put(&self, key: &str, content: &str) -> io::Result<()> {
        home::put(&self.folder().join(key), content.as_bytes())
    }

    /// Whether there is an object `key`.
    pub fn holds(&self, key: &str) -> bool {
        self.folder().join(key).is_file()
    }

    /// Takes the bucket away.
    ///
    /// # Errors
    /// What the file system says.
    pub fn remove_bucket(&self) -> io::Result<()> {
        fs::remove_dir_all(self.folder())
    }

    /// Ends the server; its address is refused from then on.
    pub fn stop(&self) {
        self.stop.send_replace(());
    }
}

/// Serves the buckets that are folders in `folder`, until the listener fails.
///
/// # Errors
/// When the folder cannot be served, or no connection accepted.
pub async fn run(listener: TcpListener, folder: &Path) -> anyhow::Result<()> {
    let service = service(folder)?;
    loop {
        let (stream, _) = listener.accept().await.context("accept a connection")?;
        tokio::spawn(serve(stream, None, service.clone()));
    }
}

fn service(folder: &Path) -> anyhow::Result<S3Service> {
    let objects =
        FileSystem::new(folder).map_err(|error| anyhow::anyhow!("serve {}: {error:?}", folder.display()))?;
    let mut service = S3ServiceBuilder::new(objects);
    service.set_auth(SimpleAuth::from_single(KEY, SECRET));
    Ok(service.build())
}

/// Serves one connection to its end. A client that goes away ends it.
async fn serve(stream: TcpStream, tls: Option<TlsAcceptor>, service: S3Service) {
    let builder = auto::Builder::new(TokioExecutor::new());
    match tls {
        None => drop(builder.serve_connection(TokioIo::new(stream), service).await),
        Some(tls) => {
            let Ok(stream) = tls.accept(stream).await else { return };
            drop(builder.serve_connection(TokioIo::new(stream), service).await);
        }
    }
}
