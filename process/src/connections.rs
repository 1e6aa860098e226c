//! The admin listener's connections: few at a time, and none for somebody who says nothing.
//!
//! Any pod may connect there, and the process's memory is small: without a bound, whoever opens
//! enough connections ends the process, and with it what it answers on its other listener.

use std::collections::VecDeque;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// Of a request's head, and of what is read at a time. A probe's has some hundred.
const HEAD_BYTES: usize = 16 << 10;
/// After a connection that couldn't be accepted.
const PAUSE: Duration = Duration::from_millis(100);

/// What connections may cost together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Until a request's head is there; between two requests as well.
    pub(crate) head: Duration,
    /// Open at a time.
    pub(crate) connections: usize,
}

impl Default for Limits {
    /// The kubelet and Prometheus have a handful open between them, and answers are made at once.
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            connections: 64,
        }
    }
}

/// Serves `router` without end.
///
/// Where there are too many connections, the oldest ends. If new ones waited instead, whoever holds
/// them all would keep the kubelet from its probe, and so have the container killed.
pub(crate) async fn serve(listener: TcpListener, router: Router, limits: Limits) {
    let mut open = VecDeque::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                make_room(&mut open, limits.connections);
                let serving = tokio::spawn(connection(stream, router.clone(), limits.head));
                open.push_back(serving.abort_handle());
            }
            Err(error) => {
                // Out of descriptors, most likely: pause, or this loop takes the whole core.
                tracing::warn!(%error, "accepting a connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Ends the oldest of `open`, so that there are fewer than `most`.
fn make_room(open: &mut VecDeque<AbortHandle>, most: usize) {
    open.retain(|connection| !connection.is_finished());
    while open.len() >= most
        && let Some(oldest) = open.pop_front()
    {
        oldest.abort();
    }
}

async fn connection(stream: TcpStream, router: Router, head: Duration) {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_buf_size(HEAD_BYTES);
    let service = TowerToHyperService::new(router);
    let ended = builder.serve_connection(TokioIo::new(stream), service);
    if let Err(error) = ended.await {
        tracing::debug!(%error, "admin connection");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use std::net::SocketAddr;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// Longer than any test.
    const PATIENT: Duration = Duration::from_secs(60);

    async fn listening(limits: Limits) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/live", get(|| async { "ok\n" }));
        tokio::spawn(serve(listener, router, limits));
        address
    }

    /// What comes until the connection ends, however it does.
    async fn rest(stream: &mut TcpStream) -> String {
        let mut bytes = Vec::new();
        let read = stream.read_to_end(&mut bytes);
        let _ = tokio::time::timeout(PATIENT / 2, read).await.unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[tokio::test]
    async fn who_sends_no_head_or_half_of_one_is_let_go() {
        let limits = Limits {
            head: Duration::from_millis(50),
            ..Limits::default()
        };
        let address = listening(limits).await;
        for head in ["", "GET /live HTTP/1.1\r\nhost: "] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(head.as_bytes()).await.unwrap();
            assert_eq!(rest(&mut stream).await, "", "{head:?}");
        }
    }

    #[tokio::test]
    async fn however_many_connect_the_last_of_them_are_answered_and_the_others_ended() {
        let limits = Limits {
            head: PATIENT,
            connections: 2,
        };
        let address = listening(limits).await;
        let mut streams = Vec::new();
        for _ in 0..10 {
            streams.push(TcpStream::connect(address).await.unwrap());
        }
        let last = streams.split_off(8);
        for stream in &mut streams {
            assert_eq!(rest(stream).await, "");
        }
        for mut stream in last {
            let request = b"GET /live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
            stream.write_all(request).await.unwrap();
            let answer = rest(&mut stream).await;
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        }
    }

    #[tokio::test]
    async fn a_head_without_end_is_refused() {
        let address = listening(Limits::default()).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut head = "GET /live HTTP/1.1\r\nx: ".to_owned();
        head.push_str(&"x".repeat(HEAD_BYTES - head.len()));
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
}
