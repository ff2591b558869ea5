//! Shutdown signals.

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Resolves at SIGTERM or SIGINT.
pub(super) async fn signalled() {
    match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        // Without handlers the default action of the signals ends the process.
        _ => std::future::pending().await,
    }
}

/// Resolves when shutdown is requested, or the sender of `stopped` was dropped.
pub(super) async fn requested(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}
