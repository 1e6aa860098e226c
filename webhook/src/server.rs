//! The TLS listener: takes connections until it is told to stop, then lets them finish.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::FutureExt as _;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection::{Serving, connection};

/// What connections get to finish once the listener is closed.
const DRAIN: Duration = Duration::from_secs(10);
/// Some 30 KiB each. An API server keeps 25 to a Service.
const MOST_CONNECTIONS: usize = 1000;

/// How serving ends: first it is told to leave, a while later to stop.
///
/// Leaving, everything is still taken and answered, while the endpoints that API servers call lose
/// this replica. Each HTTP/1.1 answer then closes its connection: that is the one moment at which a
/// client never has a request under way on it, and a POST that meets a closed connection isn't sent
/// again. Stopping closes the listener, sends GOAWAY over HTTP/2 and waits for open requests.
#[derive(Clone, Debug, Default)]
pub struct Departure {
    /// No new work is sent here.
    pub leave: CancellationToken,
    /// None is taken.
    pub stop: CancellationToken,
}

/// Serves `router` until `departure` says stop, then lets open requests finish.
///
/// A connection without a certificate to answer it with ends in a TLS alert; the listener lives on.
pub async fn serve(listener: TcpListener, tls: ServerConfig, router: Router, departure: Departure) {
    let connections = TaskTracker::new();
    let serving = Serving {
        acceptor: TlsAcceptor::from(Arc::new(tls)),
        router,
        departure,
    };
    let take = |stream: TcpStream| {
        if connections.len() < MOST_CONNECTIONS {
            connections.spawn(connection(stream, serving.clone()));
        } else {
            tracing::warn!(open = connections.len(), "too many connections");
        }
    };
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = serving.departure.stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => take(stream),
            Err(error) => {
                // Out of descriptors, most likely: pause, or this loop takes the whole core.
                tracing::warn!(%error, "accepting a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    // The kernel has told these clients that they are connected.
    while let Some(Ok((stream, _))) = listener.accept().now_or_never() {
        take(stream);
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
