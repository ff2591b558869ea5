//! What a sidecar's handlers reach outside the home: buckets, the RPC of nodes, and the seid beside it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::home;

/// An answer from outside, or why there is none.
pub type Answer<T> = BoxFuture<'static, Result<T, String>>;

/// A bucket of an object store.
pub trait Bucket: Send + Sync {
    /// Content of an object; `None` where there is none.
    fn get(&self, key: &str) -> Answer<Option<Vec<u8>>>;

    /// Puts an object there.
    fn put(&self, key: &str, content: Vec<u8>) -> Answer<()>;

    /// Keys that start with `prefix`, a folder's name with its slash.
    fn list(&self, prefix: &str) -> Answer<Vec<String>>;
}

/// The machines around a sidecar.
pub trait World: Send + Sync {
    /// What the RPC of a seid at `HOST:PORT` answers.
    fn rpc(&self, address: &str, path: &str) -> Answer<Value>;

    /// Peers among the EC2 instances with certain tags, as `ID@HOST:PORT`.
    fn instances(&self) -> Answer<Vec<String>>;

    /// Ends the seid beside the sidecar, if one runs.
    fn stop_seid(&self) -> Answer<()>;
}

/// A bucket in which everything is that is looked for.
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
    /// How long each question is tried.
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

/// A bucket that is a folder.
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
        // Under a name that a server does not list until it is whole.
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
