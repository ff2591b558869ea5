//! What a sidecar's handlers access outside the home: buckets, the RPC of nodes, and the seid next to it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::home;

/// A response from outside, or an error.
pub type Answer<T> = BoxFuture<'static, Result<T, String>>;

/// A bucket of an object store.
pub trait Bucket: Send + Sync {
    /// Content of an object; `None` if it does not exist.
    fn get(&self, key: &str) -> Answer<Option<Vec<u8>>>;

    /// Stores an object.
    fn put(&self, key: &str, content: Vec<u8>) -> Answer<()>;

    /// Keys that start with `prefix`, a directory name with its slash.
    fn list(&self, prefix: &str) -> Answer<Vec<String>>;
}

/// The environment of a sidecar.
pub trait World: Send + Sync {
    /// The response of the RPC of a seid at `HOST:PORT`.
    fn rpc(&self, address: &str, path: &str) -> Answer<Value>;

    /// Peers among the EC2 instances with the requested tags, as `ID@HOST:PORT`.
    fn instances(&self) -> Answer<Vec<String>>;

    /// Stops the seid next to the sidecar, if it is running.
    fn stop_seid(&self) -> Answer<()>;

    /// The sequence number of the next transaction of the keyring's account.
    fn sequence(&self) -> Answer<u64> {
        Box::pin(async { Ok(0) })
    }

    /// Sends a signed transaction to the seid next to the sidecar.
    fn broadcast(&self, _transaction: String) -> Answer<()> {
        Box::pin(async { Ok(()) })
    }
}

/// A bucket that contains every requested object.
pub(super) struct Everything;

impl Bucket for Everything {
    fn get(&self, _: &str) -> Answer<Option<Vec<u8>>> {
        Box::pin(async { Ok(Some(json!({}).to_string().into_bytes())) })
    }

    fn put(&self, _: &str, _: Vec<u8>) -> Answer<()> {
        Box::pin(async { Ok(()) })
    }

    fn list(&self, prefix: &str) -> Answer<Vec<String>> {
        let first = format!("{prefix}1.tar.gz");
        Box::pin(async { Ok(vec![first]) })
    }
}

/// A bucket that does not respond.
pub struct Unreachable {
    /// Timeout of each query.
    pub after: Duration,
}

impl Unreachable {
    fn answer<T: Send + 'static>(&self) -> Answer<T> {
        let after = self.after;
        Box::pin(async move {
            tokio::time::sleep(after).await;
            Err("no endpoint is reachable".to_owned())
        })
    }
}

impl Bucket for Unreachable {
    fn get(&self, _: &str) -> Answer<Option<Vec<u8>>> {
        self.answer()
    }

    fn put(&self, _: &str, _: Vec<u8>) -> Answer<()> {
        self.answer()
    }

    fn list(&self, _: &str) -> Answer<Vec<String>> {
        self.answer()
    }
}

/// A bucket in a directory.
pub(super) struct Folder(pub(super) PathBuf);

impl Bucket for Folder {
    fn get(&self, key: &str) -> Answer<Option<Vec<u8>>> {
        let read = match fs::read(self.0.join(key)) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.to_string()),
        };
        Box::pin(async { read })
    }

    fn put(&self, key: &str, content: Vec<u8>) -> Answer<()> {
        // Under a temporary name that a server does not list until the file is complete.
        let written = home::put(&self.0.join(key), &content).map_err(|error| error.to_string());
        Box::pin(async { written })
    }

    fn list(&self, prefix: &str) -> Answer<Vec<String>> {
        let listed = keys(&self.0, prefix).map_err(|error| error.to_string());
        Box::pin(async { listed })
    }
}

fn keys(folder: &Path, prefix: &str) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder.join(prefix)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let keys = entries.map(|entry| Ok(format!("{prefix}{}", entry?.file_name().to_string_lossy())));
    keys.collect()
}
