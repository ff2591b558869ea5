//! What the stand-ins have in common. Each of them is a program of its own under `bin/`.

pub mod node_key;

use std::{fs, io, path::Path};

use anyhow::Context;
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
};

/// Listens on `HOST:PORT`, or as Go has it on `:PORT` for every address.
///
/// # Errors
/// When the address is none or is taken.
pub async fn listen(address: &str) -> anyhow::Result<TcpListener> {
    let full = if address.starts_with(':') { format!("[::]{address}") } else { address.to_owned() };
    TcpListener::bind(&full).await.with_context(|| format!("listen on {address}"))
}

/// Writes a whole file or none: neither a reader nor the next start sees half of it. Makes its folder.
///
/// # Errors
/// When it cannot be written.
pub fn put(path: &Path, text: &str) -> anyhow::Result<()> {
    let part = path.with_extension("part");
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    fs::write(&part, text).with_context(|| format!("write {}", part.display()))?;
    fs::rename(&part, path).with_context(|| format!("put {} in place", path.display()))
}

/// The signals that end a process.
pub struct Ending {
    interrupt: Signal,
    terminate: Signal,
}

impl Ending {
    /// Listens to them from now on.
    ///
    /// # Errors
    /// None in practice.
    pub fn new() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Number of the signal that came.
    pub async fn signalled(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 2,
            _ = self.terminate.recv() => 15,
        }
    }
}
