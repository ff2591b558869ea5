//! The process that holds a pod's namespaces. In a shared process namespace it is the init process, and reaps
//! orphaned processes.

use rustix::process::{WaitOptions, wait};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut child = signal(SignalKind::child())?;
    loop {
        tokio::select! {
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            _ = child.recv() => while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {},
        }
    }
}
