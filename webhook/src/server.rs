//! The TLS listener.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// For the TLS handshake, and for the head of a request.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// API servers keep one HTTP/2 connection for as long as it lives, to one replica; ended now and
/// then, the next goes to whichever replica is there.
const MOST_AGE: Duration = Duration::from_secs(300);
/// What connections get to finish once the listener is closed.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves `router` until `stop` is cancelled, then lets open requests finish.
///
/// A connection without a certificate to answer it with ends in a TLS alert; the listener lives on.
pub async fn serve(
    listener: TcpListener,
    tls: ServerConfig,
    router: Router,
    stop: CancellationToken,
) {
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let (acceptor, router) = (acceptor.clone(), router.clone());
                connections.spawn(connection(stream, acceptor, router, stop.clone()));
            }
            Err(error) => {
                // Out of descriptors, most likely: pause, or this loop takes the whole core.
                tracing::warn!(%error, "accepting a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(DRAIN, connections.wait())
        .await
        .is_err()
    {
        tracing::warn!(
            open = connections.len(),
            "connections didn't finish in time"
        );
    }
}

async fn connection(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    router: Router,
    stop: CancellationToken,
) {
    let handshake = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream));
    let stream = match handshake.await {
        Ok(Ok(stream)) => TokioIo::new(stream),
        Ok(Err(error)) => {
            tracing::debug!(%error, "TLS handshake");
            return;
        }
        Err(_) => return,
    };
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HANDSHAKE);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(250);
    let service = TowerToHyperService::new(router);
    let mut connection = std::pin::pin!(builder.serve_connection(stream, service));
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = stop.cancelled() => None,
        () = tokio::time::sleep(MOST_AGE) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            // GOAWAY, or `connection: close`: what is being answered is answered.
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error, "connection");
    }
}
