//! How `mcp-proxy drain` reaches the proxy it runs beside: an abstract Unix socket (unix(7)),
//! which needs no file system that can be written to and no port. Other containers of a pod
//! share it, so whoever connects must run as the proxy's own user, or root.

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener as StdListener, UnixStream as StdStream};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

use super::Phase;
use crate::Proxy;

/// What is answered when no call is in flight any more.
const DRAINED: &[u8] = b"drained\n";

/// The proxy can't be told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DrainError {
    /// The socket can't be had, or nobody listens on it.
    #[error("no way to the proxy that listens on port {port}")]
    Socket {
        /// The traffic port.
        port: u16,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It went away, or refused.
    #[error("the proxy gave no answer")]
    NoAnswer(#[source] io::Error),
}

fn address(port: u16) -> Result<SocketAddr, DrainError> {
    SocketAddr::from_abstract_name(format!("mcp-proxy-drain-{port}"))
        .map_err(|source| DrainError::Socket { port, source })
}

/// The way in for whoever tells the proxy on `port` to drain.
///
/// # Errors
/// [`DrainError`] when the socket can't be had.
pub(crate) fn listen(port: u16) -> Result<UnixListener, DrainError> {
    StdListener::bind_addr(&address(port)?)
        .and_then(|listener| {
            listener.set_nonblocking(true)?;
            UnixListener::from_std(listener)
        })
        .map_err(|source| DrainError::Socket { port, source })
}

/// Drains when told to.
pub(crate) async fn obey(listener: UnixListener, proxy: Arc<Proxy>) {
    loop {
        match listener.accept().await {
            Ok((caller, _)) if is_one_of_us(&caller) => {
                tokio::spawn(drain(Arc::clone(&proxy), caller));
            }
            Ok(_) => tracing::warn!("another user asked to drain; refused"),
            Err(error) => {
                tracing::warn!(%error, "accepting on the drain socket");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn drain(proxy: Arc<Proxy>, mut caller: UnixStream) {
    tracing::info!(calls = proxy.drain.calls(), "draining");
    proxy.drain.advance(Phase::Leaving);
    proxy.drain.quiet().await;
    if let Err(error) = caller.write_all(DRAINED).await {
        tracing::debug!(%error, "whoever asked to drain is gone");
    }
}

fn is_one_of_us(caller: &UnixStream) -> bool {
    let own = UnixStream::pair().and_then(|(own, _)| own.peer_cred());
    match (caller.peer_cred(), own) {
        (Ok(caller), Ok(own)) => caller.uid() == own.uid() || caller.uid() == 0,
        _ => false,
    }
}

/// Tells the proxy that listens on `port` to drain, and waits until no call is in flight, at
/// most `patience`. False when calls are still in flight then; the proxy drains all the same.
///
/// # Errors
/// [`DrainError`] when there is no such proxy.
pub(crate) async fn ask(port: u16, patience: Duration) -> Result<bool, DrainError> {
    let mut stream = StdStream::connect_addr(&address(port)?)
        .and_then(|stream| {
            stream.set_nonblocking(true)?;
            UnixStream::from_std(stream)
        })
        .map_err(|source| DrainError::Socket { port, source })?;
    let mut answer = Vec::new();
    match tokio::time::timeout(patience, stream.read_to_end(&mut answer)).await {
        Err(_) => Ok(false),
        Ok(Ok(_)) if answer == DRAINED => Ok(true),
        Ok(Ok(_)) => Err(DrainError::NoAnswer(io::ErrorKind::UnexpectedEof.into())),
        Ok(Err(source)) => Err(DrainError::NoAnswer(source)),
    }
}
