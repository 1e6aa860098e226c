//! Going away without losing a call.
//!
//! The kubelet runs the `preStop` hooks of a pod's containers together, ends the server's
//! container first and the proxy's last, with as little as two seconds left for it. So there
//! are two steps: told by `mcp-proxy drain`, the proxy isn't ready any more and asks callers to
//! connect elsewhere, but still serves calls that are on their way here; told by SIGTERM, it
//! takes none and ends when those it has are answered.

mod socket;

use std::sync::atomic::{AtomicUsize, Ordering};

use http::Method;
use tokio::sync::{Notify, watch};

pub(crate) use socket::{ask, listen, obey};

/// How far the end has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It hasn't.
    #[default]
    Serving,
    /// Calls are served, connections aren't kept, new event streams are refused.
    Leaving,
    /// Nothing new is served.
    Closing,
}

/// The phase, and the calls in flight.
#[derive(Debug, Default)]
pub struct Drain {
    phase: watch::Sender<Phase>,
    calls: AtomicUsize,
    quiet: Notify,
}

impl Drain {
    /// The phase.
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// To be told of later phases.
    pub fn follow(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// Goes on to `phase`; there is no way back.
    pub fn advance(&self, phase: Phase) {
        self.phase.send_if_modified(|current| {
            let later = phase > *current;
            if later {
                *current = phase;
            }
            later
        });
    }

    /// Whether an exchange that begins now is refused.
    pub fn refuses(&self, method: &Method) -> bool {
        match self.phase() {
            Phase::Serving => false,
            Phase::Leaving => is_stream(method),
            Phase::Closing => true,
        }
    }

    /// An exchange began.
    pub fn begin(&self, method: &Method) {
        if !is_stream(method) {
            self.calls.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// An exchange that had begun ended.
    pub fn end(&self, method: &Method) {
        if !is_stream(method) && self.calls.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.quiet.notify_waiters();
        }
    }

    /// Calls in flight.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// Ends when no call is in flight. Streams that a client opened to listen don't count:
    /// they would never end.
    pub async fn quiet(&self) {
        loop {
            let notified = self.quiet.notified();
            if self.calls() == 0 {
                return;
            }
            notified.await;
        }
    }
}

fn is_stream(method: &Method) -> bool {
    *method == Method::GET
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[test]
    fn leaving_serves_calls_and_closing_serves_nothing() {
        let drain = Drain::default();
        let refused = |drain: &Drain| (drain.refuses(&Method::POST), drain.refuses(&Method::GET));
        assert_eq!(refused(&drain), (false, false));
        drain.advance(Phase::Leaving);
        assert_eq!(refused(&drain), (false, true));
        drain.advance(Phase::Closing);
        assert_eq!(refused(&drain), (true, true));
        drain.advance(Phase::Leaving);
        assert_eq!(drain.phase(), Phase::Closing);
    }

    #[tokio::test]
    async fn it_is_quiet_when_the_last_call_is_answered() {
        let drain = Drain::default();
        drain.begin(&Method::GET);
        drain.quiet().await;
        drain.begin(&Method::POST);
        drain.begin(&Method::DELETE);
        let mut quiet = std::pin::pin!(drain.quiet());
        assert!(quiet.as_mut().now_or_never().is_none());
        drain.end(&Method::POST);
        assert!(quiet.as_mut().now_or_never().is_none());
        drain.end(&Method::DELETE);
        quiet.await;
    }
}
