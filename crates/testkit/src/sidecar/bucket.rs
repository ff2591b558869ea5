//! What handlers do in the genesis bucket, which is a folder here.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;

/// A sidecar's bucket, as its environment names it.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    pub(super) folder: PathBuf,
    pub(super) chain: String,
}

impl Bucket {
    /// Does the part of a task that is done in the bucket; an error as the sidecar words it.
    pub(super) fn serve(&self, task: &str, params: &Value) -> Result<(), String> {
        match task {
            "upload-genesis-artifacts" => {
                let name = params["nodeName"].as_str().unwrap_or_default();
                ["gentx.json", "identity.json"].into_iter().try_for_each(|file| {
                    let key = format!("{}/{name}/{file}", self.chain);
                    put(&self.folder, &key, "{}").map_err(|error| s3(task, &error.to_string()))
                })
            }
            "configure-genesis" => self.get(task, "genesis.json"),
            "set-genesis-peers" => self.get(task, "peers.json"),
            _ => Ok(()),
        }
    }

    fn get(&self, task: &str, file: &str) -> Result<(), String> {
        match self.folder.join(&self.chain).join(file).is_file() {
            true => Ok(()),
            false => Err(s3(task, &format!("no object {}/{file}", self.chain))),
        }
    }
}

fn s3(task: &str, message: &str) -> String {
    format!("{task}: S3: {message}")
}

/// Puts an object into the bucket in `folder`, whole at once.
pub(crate) fn put(folder: &Path, key: &str, content: &str) -> io::Result<()> {
    let place = folder.join(key);
    let parent = place.parent().unwrap_or(folder);
    fs::create_dir_all(parent)?;
    // Under a name that the server does not list until it is whole.
    let part = parent.join(format!(".{}.part", uuid::Uuid::new_v4()));
    fs::write(&part, content)?;
    fs::rename(part, place)
}
