//! The listeners, the connections, and their end.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::header::CONNECTION;
use http::{HeaderValue, Version};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::config::Config;
use crate::drain::{self, Phase};
use crate::policy_source::follow;
use crate::{Proxy, admin, pipeline};

/// How long a connection may wait for a request's head, also between requests.
const HEAD: Duration = Duration::from_secs(120);

/// Streams that one HTTP/2 connection may have open.
const MAX_STREAMS: u32 = 256;

/// What is left to write after the last answer, and the events of it.
const LAST_BYTES: Duration = Duration::from_millis(200);

/// The proxy can't run.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// An address can't be listened on.
    #[error("listening on {address}")]
    Listen {
        /// As configured.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A thread can't be started.
    #[error("starting a thread")]
    Thread(#[source] io::Error),
}

/// A proxy that listens.
pub struct Server {
    proxy: Arc<Proxy>,
    traffic: TcpListener,
    traffic_address: SocketAddr,
    admin: TcpListener,
    admin_address: SocketAddr,
    drain: Duration,
}

type Builder = auto::Builder<TokioExecutor>;

impl Server {
    /// Loads the policy and listens on both addresses; requests are answered by
    /// [`run`](Self::run).
    ///
    /// # Errors
    /// [`ServerError`] when an address or a thread can't be had.
    pub async fn bind(config: Config) -> Result<Self, ServerError> {
        let (traffic, traffic_address) = listen(config.listen).await?;
        let (admin, admin_address) = listen(config.admin_listen).await?;
        let drain = config.drain;
        let (proxy, mut loader) = config.into_proxy().map_err(ServerError::Thread)?;
        let proxy = Arc::new(proxy);
        loader.reload(&proxy.policy);
        follow(loader, &proxy.policy).map_err(ServerError::Thread)?;
        Ok(Self {
            proxy,
            traffic,
            traffic_address,
            admin,
            admin_address,
            drain,
        })
    }

    /// Where traffic is taken.
    pub fn traffic_address(&self) -> SocketAddr {
        self.traffic_address
    }

    /// Where health, status and metrics are answered.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// What its exchanges share.
    pub fn proxy(&self) -> &Arc<Proxy> {
        &self.proxy
    }

    /// Serves until `stop`, then until the calls in flight are answered or the time for that
    /// is over.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        tracing::info!(traffic = %self.traffic_address, admin = %self.admin_address, "listening");
        let proxy = self.proxy;
        let (alive, mut connections) = mpsc::channel(1);
        // They end with this future.
        let mut tasks = JoinSet::new();
        let router = admin::router(Arc::clone(&proxy));
        tasks.spawn(process::serve_on(self.admin, router));
        let accepting = tasks.spawn(accept(Arc::clone(&proxy), self.traffic, alive));
        match drain::listen(self.traffic_address.port()) {
            Ok(listener) => drop(tasks.spawn(drain::obey(listener, Arc::clone(&proxy)))),
            // SIGTERM ends the proxy all the same, with less time for it.
            Err(error) => {
                tracing::warn!(error = crate::error_chain(&error), "can't be told to drain")
            }
        }
        stop.await;
        proxy.drain.advance(Phase::Closing);
        let calls = proxy.drain.calls();
        if tokio::time::timeout(self.drain, proxy.drain.quiet())
            .await
            .is_err()
        {
            let calls = proxy.drain.calls();
            tracing::warn!(calls, "calls in flight are given up");
        }
        accepting.abort();
        // Each connection holds a sender; none is ever sent.
        let closed = tokio::time::timeout(LAST_BYTES, connections.recv()).await;
        tracing::info!(calls, all_closed = closed.is_ok(), "stopped");
        proxy.audit.close(LAST_BYTES);
    }
}

/// Listens; where a machine has no IPv6, "every address" means every IPv4 address.
async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServerError> {
    let failed = |source| ServerError::Listen { address, source };
    let listener = match TcpListener::bind(address).await {
        Err(_) if address.is_ipv6() && address.ip().is_unspecified() => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await
        }
        bound => bound,
    };
    let listener = listener.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

async fn accept(proxy: Arc<Proxy>, listener: TcpListener, alive: mpsc::Sender<Infallible>) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS);
    let builder = Arc::new(builder);
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let (proxy, builder, alive) =
                    (Arc::clone(&proxy), Arc::clone(&builder), alive.clone());
                tokio::spawn(async move {
                    serve(proxy, &builder, stream, peer.ip()).await;
                    drop(alive);
                });
            }
            Err(error) => {
                // Out of descriptors, as a rule: others must close first.
                tracing::warn!(%error, "accepting a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Serves one connection. Told to leave, an HTTP/2 connection says so at once (GOAWAY); an
/// HTTP/1 connection says so with its next answer, because closing one that is idle could
/// cost the call that is on its way.
async fn serve(proxy: Arc<Proxy>, builder: &Builder, stream: TcpStream, peer: IpAddr) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection that is gone");
        return;
    }
    let mut phase = proxy.drain.follow();
    let is_http2 = AtomicBool::new(false);
    let service = service_fn(|request: http::Request<hyper::body::Incoming>| {
        let version = request.version();
        is_http2.store(version == Version::HTTP_2, Ordering::Relaxed);
        let proxy = Arc::clone(&proxy);
        async move {
            let mut response = pipeline::exchange(Arc::clone(&proxy), peer, request).await;
            if version != Version::HTTP_2 && proxy.drain.phase() > Phase::Serving {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            Ok::<_, Infallible>(response)
        }
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = loop {
        tokio::select! {
            ended = connection.as_mut() => break ended,
            Ok(()) = phase.changed() => {
                let closing = *phase.borrow() == Phase::Closing;
                if closing || is_http2.load(Ordering::Relaxed) {
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error, "connection ended");
    }
}
