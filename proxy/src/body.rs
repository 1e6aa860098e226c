//! Bodies of answers: ours, whole, or the server's as it comes.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use crate::audit::Record;
use crate::forward::{COMMENT, Lease, Liveness};

/// How long a stream is open when an event says so.
const LONG: Duration = Duration::from_secs(5);

/// The body of an answer.
pub(crate) enum Body {
    /// Known from the start.
    Whole(Bytes),
    /// The server's, passed on as it comes.
    Streamed(Box<Streamed>),
}

/// An answer of the server on its way. When it is dropped, the exchange is over.
pub(crate) struct Streamed {
    record: Record,
    upstream: Incoming,
    lease: Option<Lease>,
    /// Sent before the server's own bytes.
    first: Option<Bytes>,
    events: Option<Events>,
}

/// What an event stream needs besides.
struct Events {
    liveness: Liveness,
    /// When the stream counts as long; `None` when that was said.
    long: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

impl Body {
    /// Passes on `upstream`; `lease` is given back at its end. `first` is sent before it.
    pub(crate) fn streamed(
        record: Record,
        upstream: Incoming,
        lease: Lease,
        is_events: bool,
        first: Option<Bytes>,
    ) -> Self {
        let now = Instant::now();
        let liveness = Liveness::new(now);
        Self::Streamed(Box::new(Streamed {
            record,
            upstream,
            lease: Some(lease),
            first,
            events: is_events.then(|| Events {
                timer: Box::pin(tokio::time::sleep_until(liveness.due())),
                long: Some(now + LONG),
                liveness,
            }),
        }))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut *self {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Streamed(streamed) => streamed.poll(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Streamed(streamed) => {
                streamed.first.is_none() && streamed.upstream.is_end_stream()
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
            }
            Self::Streamed(streamed) if streamed.events.is_some() || streamed.first.is_some() => {
                SizeHint::default()
            }
            Self::Streamed(streamed) => streamed.upstream.size_hint(),
        }
    }
}

impl Streamed {
    fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(self.send(first))));
        }
        match Pin::new(&mut self.upstream).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    self.record.sent(data.len());
                    if let Some(events) = &mut self.events {
                        let now = Instant::now();
                        events.liveness.heard(data, now);
                        events.say_if_long(&self.record, now);
                    }
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(None) => {
                if let Some(lease) = self.lease.take() {
                    lease.give_back();
                }
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => {
                self.lease = None;
                Poll::Ready(Some(Err(error)))
            }
            Poll::Pending => match self.poll_silence(context) {
                Poll::Ready(comment) => Poll::Ready(Some(Ok(self.send(comment)))),
                Poll::Pending => Poll::Pending,
            },
        }
    }

    fn send(&mut self, bytes: Bytes) -> Frame<Bytes> {
        self.record.sent(bytes.len());
        Frame::data(bytes)
    }

    /// While the server is silent: the comment that is due.
    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<Bytes> {
        let Some(events) = &mut self.events else {
            return Poll::Pending;
        };
        loop {
            let now = Instant::now();
            events.say_if_long(&self.record, now);
            if events.liveness.speak(now) {
                return Poll::Ready(Bytes::from_static(COMMENT));
            }
            let due = events.liveness.due();
            let due = events.long.map_or(due, |long| long.min(due));
            if events.timer.deadline() != due {
                events.timer.as_mut().reset(due);
            }
            if events.timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl Events {
    fn say_if_long(&mut self, record: &Record, now: Instant) {
        if self.long.is_some_and(|long| long <= now) {
            self.long = None;
            record.stream_opened();
        }
    }
}

impl Drop for Streamed {
    fn drop(&mut self) {
        // A body whose length is known isn't asked for its end.
        if let Some(lease) = self.lease.take()
            && self.upstream.is_end_stream()
        {
            lease.give_back();
        }
    }
}
