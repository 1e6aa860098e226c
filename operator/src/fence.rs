//! The right to write, with an end: a process that can't renew its lease stops before another
//! one may begin.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Checked before every write. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Fence {
    /// Milliseconds after `epoch` until which writing is allowed.
    until: Arc<AtomicU64>,
    epoch: Instant,
}

/// The lease ran out; whoever holds it now is the one who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the leader any more")]
pub(crate) struct Deposed;

impl Fence {
    /// Without leader election: always open.
    pub(crate) fn open() -> Self {
        let fence = Self::closed();
        fence.until.store(u64::MAX, Ordering::Release);
        fence
    }

    /// Closed until it is extended.
    pub(crate) fn closed() -> Self {
        Self {
            until: Arc::new(AtomicU64::new(0)),
            epoch: Instant::now(),
        }
    }

    /// Writing is allowed until `deadline`.
    pub(crate) fn extend(&self, deadline: Instant) {
        self.until.store(self.millis(deadline), Ordering::Release);
    }

    /// Nothing is written from now on.
    pub(crate) fn close(&self) {
        self.until.store(0, Ordering::Release);
    }

    /// Whether something may be written at `now`.
    ///
    /// # Errors
    /// [`Deposed`] where it may not.
    pub(crate) fn check(&self, now: Instant) -> Result<(), Deposed> {
        if self.millis(now) < self.until.load(Ordering::Acquire) {
            Ok(())
        } else {
            Err(Deposed)
        }
    }

    fn millis(&self, instant: Instant) -> u64 {
        let since: Duration = instant.saturating_duration_since(self.epoch);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_past_the_deadline() {
        let (fence, now) = (Fence::closed(), Instant::now());
        assert_eq!(fence.check(now), Err(Deposed));
        fence.extend(now + Duration::from_secs(10));
        assert_eq!(fence.check(now + Duration::from_secs(9)), Ok(()));
        assert_eq!(fence.check(now + Duration::from_secs(10)), Err(Deposed));
        fence.extend(now + Duration::from_secs(20));
        assert_eq!(fence.check(now + Duration::from_secs(10)), Ok(()));
        fence.close();
        assert_eq!(fence.check(now), Err(Deposed));
    }
}
