//! Connections to the server, kept for the next request.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::upstream::Upstream;

/// How long a connection may wait for its next request. Servers close idle ones after 5 s
/// (Node, uvicorn) or later; a request sent while they do is lost.
const IDLE: Duration = Duration::from_secs(3);

/// Connections that wait at most; more are closed.
const MAX_IDLE: usize = 256;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);

/// The server didn't answer.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// No connection could be made.
    #[error("connecting to the server")]
    Connect(#[source] io::Error),
    /// Connecting, or the answer's beginning, took too long.
    #[error("the server took too long")]
    Timeout,
    /// The connection ended before the answer began.
    #[error("asking the server")]
    Ask(#[source] hyper::Error),
    /// It answered 101 to a request that asked for no other protocol.
    #[error("the server switched protocols unasked")]
    Upgraded,
}

/// The connections to one server.
#[derive(Debug)]
pub struct Pool {
    upstream: Upstream,
    idle: Mutex<VecDeque<Idle>>,
}

#[derive(Debug)]
struct Idle {
    sender: SendRequest<Full<Bytes>>,
    since: Instant,
}

/// A connection in use; dropped without [`Lease::give_back`] it is closed.
#[derive(Debug)]
pub struct Lease {
    pool: Arc<Pool>,
    sender: SendRequest<Full<Bytes>>,
}

impl Lease {
    /// The answer was read to its end: the connection may serve again.
    pub fn give_back(self) {
        let mut idle = self
            .pool
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE && !self.sender.is_closed() {
            idle.push_back(Idle {
                sender: self.sender,
                since: Instant::now(),
            });
        }
    }
}

impl Pool {
    /// No connection yet.
    pub fn new(upstream: Upstream) -> Arc<Self> {
        Arc::new(Self {
            upstream,
            idle: Mutex::default(),
        })
    }

    /// The server.
    pub fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// Sends a request and waits for the head of its answer. A request is sent again only
    /// where the connection gave it back unsent.
    ///
    /// # Errors
    /// [`ExchangeError`] when there is no answer.
    pub async fn exchange(
        self: &Arc<Self>,
        mut request: Request<Full<Bytes>>,
    ) -> Result<(Response<Incoming>, Lease), ExchangeError> {
        loop {
            let (mut sender, reused) = match self.take() {
                Some(sender) => (sender, true),
                None => (self.connect().await?, false),
            };
            match sender.try_send_request(request).await {
                Ok(response) => {
                    let pool = Arc::clone(self);
                    return Ok((response, Lease { pool, sender }));
                }
                Err(mut error) => match error.take_message() {
                    Some(unsent) if reused => request = unsent,
                    _ => return Err(ExchangeError::Ask(error.into_error())),
                },
            }
        }
    }

    /// The connection used last among those that can take a request now.
    fn take(&self) -> Option<SendRequest<Full<Bytes>>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        while idle
            .front()
            .is_some_and(|oldest| now.duration_since(oldest.since) > IDLE)
        {
            idle.pop_front();
        }
        let ready = idle.iter().rposition(|idle| idle.sender.is_ready())?;
        idle.remove(ready).map(|idle| idle.sender)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, ExchangeError> {
        let stream = tokio::time::timeout(CONNECT, TcpStream::connect(self.upstream.address()))
            .await
            .map_err(|_| ExchangeError::Timeout)?
            .map_err(ExchangeError::Connect)?;
        stream.set_nodelay(true).map_err(ExchangeError::Connect)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(ExchangeError::Ask)?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = %error, "connection to the server ended");
            }
        });
        Ok(sender)
    }
}
