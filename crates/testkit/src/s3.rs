//! A real S3 server on a directory: the protocol with its signatures, and objects as plain files, so that a
//! test can store one without a client.

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

/// A server with one bucket. It stops when dropped.
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
    /// If no port or directory is available.
    pub async fn start(bucket: &str) -> anyhow::Result<Self> {
        Self::listen(bucket, None).await
    }

    /// Listens on loopback with TLS, with the name localhost.
    ///
    /// # Errors
    /// If no port or directory is available, or `certificate` cannot be served.
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
                    // The sender was dropped, and with it the server.
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

    /// Environment variables with the address and the credentials for clients.
    pub fn variables(&self) -> [(&'static str, String); 3] {
        [
            ("AWS_ENDPOINT_URL_S3", self.url.clone()),
            ("AWS_ACCESS_KEY_ID", KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
        ]
    }

    /// The bucket's directory; objects are files in it.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().join(&self.bucket)
    }

    /// Stores an object.
    ///
    /// # Errors
    /// The error of the file system.
    pub fn put(&self, key: &str, content: &str) -> io::Result<()> {
        home::put(&self.folder().join(key), content.as_bytes())
    }

    /// Whether object `key` exists.
    pub fn holds(&self, key: &str) -> bool {
        self.folder().join(key).is_file()
    }

    /// Removes the bucket.
    ///
    /// # Errors
    /// The error of the file system.
    pub fn remove_bucket(&self) -> io::Result<()> {
        fs::remove_dir_all(self.folder())
    }

    /// Stops the server; connections to its address are refused from then on.
    pub fn stop(&self) {
        self.stop.send_replace(());
    }
}

/// Serves the subdirectories of `folder` as buckets, until the listener fails.
///
/// # Errors
/// If the directory cannot be served, or no connection accepted.
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

/// Serves one connection until it ends. A client that disconnects ends it.
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
