//! The home of a node: a directory on its volume, with the files that the sidecar and seid exchange.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde_json::Value;
use uuid::Uuid;

/// Directory of the snapshots, with a subdirectory for each height.
const SNAPSHOTS: &str = "data/snapshots";

/// A home.
#[derive(Clone, Debug)]
pub struct Home(PathBuf);

impl Home {
    /// The home in `folder`, which does not have to exist.
    pub fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Its directory.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// Whether a file exists.
    pub fn has(&self, file: &str) -> bool {
        self.0.join(file).exists()
    }

    /// Text of a file; `None` if it does not exist.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(&self, file: &str) -> anyhow::Result<Option<String>> {
        match fs::read_to_string(self.0.join(file)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("failed to read {file}")),
        }
    }

    /// Writes a file atomically, so that it is never partial after a crash. Creates its directory.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, file: &str, content: impl AsRef<[u8]>) -> anyhow::Result<()> {
        put(&self.0.join(file), content.as_ref()).with_context(|| format!("failed to write {file}"))
    }

    /// Writes a JSON file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_json(&self, file: &str, value: &Value) -> anyhow::Result<()> {
        self.write(file, value.to_string())
    }

    /// Removes a file if it exists.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn remove(&self, file: &str) -> anyhow::Result<()> {
        match fs::remove_file(self.0.join(file)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("failed to remove {file}"))
            }
            _ => Ok(()),
        }
    }

    /// Heights of its snapshots, sorted.
    pub(super) fn snapshots(&self) -> Vec<u64> {
        let entries = fs::read_dir(self.0.join(SNAPSHOTS)).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut heights: Vec<u64> = names.filter_map(|name| name.parse().ok()).collect();
        heights.sort_unstable();
        heights
    }

    /// File of the snapshot of a height.
    pub(super) fn snapshot(height: u64) -> String {
        format!("{SNAPSHOTS}/{height}/snapshot.tar.gz")
    }

    /// Deletes the content of `data`; returns the size of its files in bytes.
    pub(super) fn wipe_data(&self) -> anyhow::Result<u64> {
        let data = self.0.join("data");
        let bytes = size(&data);
        match fs::remove_dir_all(&data) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).context("failed to empty data")
            }
            _ => fs::create_dir_all(&data).map(|()| bytes).context("failed to create data"),
        }
    }
}

/// Writes a file under a temporary name first, so that it exists completely or not at all. Creates its
/// directory.
pub(crate) fn put(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)?;
    let part = folder.join(format!(".{}.part", Uuid::new_v4()));
    fs::write(&part, content)?;
    fs::rename(&part, path)
}

/// Total size of the files in a directory, in bytes.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
