//! The end of a process: asked for once, it drains; asked for twice, it goes.

use tokio::signal::unix::{SignalKind, signal};

/// Signals can't be listened for.
#[derive(Debug, thiserror::Error)]
#[error("listening for {name}")]
pub struct ShutdownError {
    name: &'static str,
    #[source]
    source: std::io::Error,
}

/// Ends at the first SIGTERM or SIGINT; a second one then ends the process with status 130, without
/// waiting for anything: log lines that aren't written yet are lost.
///
/// # Errors
/// [`ShutdownError`] when a signal handler can't be installed.
pub async fn requested() -> Result<(), ShutdownError> {
    let mut terminate = listen("SIGTERM", SignalKind::terminate())?;
    let mut interrupt = listen("SIGINT", SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => tracing::info!(signal = "SIGTERM", "shutting down"),
        _ = interrupt.recv() => tracing::info!(signal = "SIGINT", "shutting down"),
    }
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => (),
            _ = interrupt.recv() => (),
        }
        std::process::exit(130);
    });
    Ok(())
}

fn listen(
    name: &'static str,
    kind: SignalKind,
) -> Result<tokio::signal::unix::Signal, ShutdownError> {
    signal(kind).map_err(|source| ShutdownError { name, source })
}
