//! One connection: the handshake, the protocol it agreed on, and when it ends.
//!
//! API servers speak HTTP/1.1 to webhooks behind a Service (kubernetes/kubernetes#75791), keep
//! up to 25 idle connections, and don't send a POST again that met a closed one. So an HTTP/1.1
//! connection is closed with an answer, and otherwise only when its client is long done with it.

use std::convert::Infallible;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderValue, Request, header};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::deadline::Arrived;
use crate::pulse::{Heard, Pulse};
use crate::server::Departure;

/// For the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// Without a request. Longer than the 90 seconds after which API servers close an idle connection
/// themselves: whoever closes first never races with a request.
const IDLE: Duration = Duration::from_secs(120);
/// A connection is ended some time between once and twice this, each at its own moment: the next
/// one goes to whichever replica the Service picks, so that a new replica gets its share.
const AGE: Duration = Duration::from_secs(300);
/// How often an HTTP/2 client is asked whether it is there, and how long it may take to say so.
const PING: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(10));
/// Requests that one HTTP/2 connection may have open, and those that it may cancel before we saw them.
const STREAMS: (u32, usize) = (250, 20);

/// What connections are made with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Serving {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) router: Router,
    pub(crate) departure: Departure,
}

/// Serves one connection to its end.
pub(crate) async fn connection(stream: TcpStream, serving: Serving) {
    // An answer is small and complete: nothing is gained by waiting for more of it.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "turning off Nagle's algorithm");
    }
    let handshake = tokio::time::timeout(HANDSHAKE, serving.acceptor.accept(stream));
    let stream = match handshake.await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "TLS handshake"),
        Err(_) => return tracing::debug!("TLS handshake: took too long"),
    };
    let ended = if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        over_http2(stream, serving).await
    } else {
        over_http1(stream, serving).await
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection");
    }
}

/// Until its client closes it, it is idle for long, or its last answer said so.
async fn over_http1(stream: TlsStream<TcpStream>, serving: Serving) -> Result<(), hyper::Error> {
    let Serving {
        router, departure, ..
    } = serving;
    let pulse = Arc::new(Pulse::default());
    let stream = TokioIo::new(Heard::new(stream, Arc::clone(&pulse)));
    let last = Instant::now() + age();
    let (leave, beat) = (departure.leave.clone(), Arc::clone(&pulse));
    let service = service_fn(move |request| {
        beat.request();
        let (leave, beat) = (leave.clone(), Arc::clone(&beat));
        let answering = answer(&router, request);
        async move {
            let mut response = answering.await?;
            beat.answer();
            if leave.is_cancelled() || Instant::now() > last {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(header::CONNECTION, close);
            }
            Ok::<_, Infallible>(response)
        }
    });
    let mut builder = http1::Builder::new();
    // The same timer counts while nothing comes at all; `pulse` is for those who begin and dawdle.
    builder.timer(TokioTimer::new()).header_read_timeout(IDLE);
    let mut connection = std::pin::pin!(builder.serve_connection(stream, service));
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = pulse.stalled() => return Ok(()),
        () = departure.stop.cancelled() => (),
    }
    connection.as_mut().graceful_shutdown();
    connection.await
}

/// Until its client closes it, doesn't answer a ping, or is sent away: GOAWAY loses no request.
async fn over_http2(stream: TlsStream<TcpStream>, serving: Serving) -> Result<(), hyper::Error> {
    let Serving {
        router, departure, ..
    } = serving;
    let service = service_fn(move |request| answer(&router, request));
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(PING.0)
        .keep_alive_timeout(PING.1)
        .max_concurrent_streams(STREAMS.0)
        .max_pending_accept_reset_streams(STREAMS.1);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = of_age(&departure.stop) => (),
    }
    connection.as_mut().graceful_shutdown();
    connection.await
}

async fn of_age(stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => (),
        () = tokio::time::sleep(age()) => (),
    }
}

/// The router's answer. The time counts from here, not from when there is a thread to begin.
fn answer(
    router: &Router,
    mut request: Request<Incoming>,
) -> impl Future<Output = Result<Response, Infallible>> + use<> {
    request.extensions_mut().insert(Arrived::now());
    TowerToHyperService::new(router.clone()).call(request)
}

/// Between once and twice [`AGE`]. The standard library's hashers are seeded at random.
fn age() -> Duration {
    let random = RandomState::new().hash_one(());
    let thousandths = u32::try_from(random % 1000).unwrap_or_default();
    AGE + AGE * thousandths / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_end_at_different_ages() {
        let ages: Vec<_> = (0..100).map(|_| age()).collect();
        assert!(
            ages.iter().all(|age| (AGE..AGE * 2).contains(age)),
            "{ages:?}"
        );
        assert!(ages.iter().max() > ages.iter().min(), "{ages:?}");
    }
}
