//! What the stand-ins have in common. Each of them is a separate program in `bin/`.

use std::io;

use anyhow::Context;
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
};

/// Listens on `HOST:PORT`, or on `:PORT`, as in Go, on every address.
///
/// # Errors
/// If the address is invalid or in use.
pub async fn listen(address: &str) -> anyhow::Result<TcpListener> {
    let full = if address.starts_with(':') { format!("[::]{address}") } else { address.to_owned() };
    TcpListener::bind(&full).await.with_context(|| format!("listen on {address}"))
}

/// The signals that terminate a process.
pub struct Ending {
    interrupt: Signal,
    terminate: Signal,
}

impl Ending {
    /// Registers the handlers.
    ///
    /// # Errors
    /// None in practice.
    pub fn new() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Number of the received signal.
    pub async fn signalled(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 2,
            _ = self.terminate.recv() => 15,
        }
    }
}
