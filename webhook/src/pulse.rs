//! Telling a client that is slow with a request's head from one that has nothing to ask.
//!
//! hyper has one timer for both, and the two differ by a factor of twenty: an idle connection is
//! kept until its client lets go of it, while a head that was begun comes at once or is no head.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// From a request's first byte to the end of its head.
const HEAD: Duration = Duration::from_secs(5);
/// How often it is looked at.
const LOOK: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, Default)]
enum Doing {
    #[default]
    Nothing,
    Head(Instant),
    Request,
}

/// What a connection is about, as its bytes and its requests tell.
#[derive(Debug, Default)]
pub(crate) struct Pulse(Mutex<Doing>);

impl Pulse {
    /// A request's head is complete.
    pub(crate) fn request(&self) {
        self.set(Doing::Request);
    }

    /// Its answer is made.
    pub(crate) fn answer(&self) {
        self.set(Doing::Nothing);
    }

    fn heard(&self) {
        let mut doing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*doing, Doing::Nothing) {
            *doing = Doing::Head(Instant::now());
        }
    }

    fn set(&self, doing: Doing) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = doing;
    }

    /// Ends when a head was begun and doesn't come.
    pub(crate) async fn stalled(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            let doing = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if matches!(doing, Doing::Head(since) if since.elapsed() > HEAD) {
                return;
            }
        }
    }
}

/// A stream that tells its [`Pulse`] of every byte that comes.
#[derive(Debug)]
pub(crate) struct Heard<S> {
    stream: S,
    pulse: Arc<Pulse>,
}

impl<S> Heard<S> {
    pub(crate) fn new(stream: S, pulse: Arc<Pulse>) -> Self {
        Self { stream, pulse }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Heard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.pulse.heard();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Heard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
