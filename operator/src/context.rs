//! What every reconcile works with.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::caches::Caches;
use crate::clerk::Clerk;
use crate::delivery::Delivery;
use crate::drift::Drift;
use crate::gather::Gathered;
use crate::injectors::Injectors;
use crate::key::ServerKey;
use crate::metrics::Metrics;
use crate::queue::Queue;
use crate::settings::LiveSettings;
use crate::writes::Writes;

/// Shared by all workers.
pub(crate) struct Context {
    pub(crate) caches: Arc<Caches>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) writes: Writes,
    pub(crate) delivery: Delivery,
    pub(crate) clerk: Arc<Clerk>,
    pub(crate) settings: LiveSettings,
    pub(crate) metrics: Metrics,
    pub(crate) memory: Memory,
    pub(crate) injectors: Injectors,
}

impl Context {
    /// A server's proxies were counted.
    pub(crate) fn proxies_are(&self, key: &ServerKey, drift: &Drift) {
        let now = (drift.current, drift.outdated);
        let before = self.memory.proxies(key, now);
        self.metrics.proxies(before, now);
    }

    /// The server is gone.
    pub(crate) fn forget(&self, key: &ServerKey) {
        self.delivery.forget(key);
        self.proxies_are(key, &Drift::default());
        self.memory.forget(key);
    }

    /// Everything may be different now.
    pub(crate) fn queue_everyone(&self) {
        let everyone = self.caches.everyone().into_iter();
        everyone.for_each(|key| self.queue.add(key));
    }
}

/// What is remembered of a server from one reconcile to the next; all of it may be lost.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<HashMap<ServerKey, Remembered>>);

#[derive(Clone, Copy, Debug, Default)]
struct Remembered {
    gathered: Gathered,
    failures: u32,
    looked: Option<Timestamp>,
    /// Current and outdated ones.
    proxies: (usize, usize),
}

/// Between two attempts at something that fails.
const LONGEST_RETRY: Duration = Duration::from_secs(60);

impl Memory {
    /// How the server's policy was written until now.
    pub(crate) fn gathered(&self, key: &ServerKey) -> Gathered {
        self.with(|all| all.get(key).copied().unwrap_or_default().gathered)
    }

    /// A policy was held back, or written, or neither.
    pub(crate) fn rendered(&self, key: &ServerKey, held: bool, written: bool, now: Instant) {
        self.with(|all| {
            let Gathered {
                since,
                written: last,
            } = &mut all.entry(key.clone()).or_default().gathered;
            *since = held.then(|| since.unwrap_or(now));
            *last = if written { Some(now) } else { *last };
        });
    }

    /// How long to wait after one more failure: 1, 2, 4 … 60 s.
    pub(crate) fn failed(&self, key: &ServerKey) -> Duration {
        self.with(|all| {
            let remembered = all.entry(key.clone()).or_default();
            let delay = Duration::from_secs(1 << remembered.failures.min(6));
            remembered.failures = remembered.failures.saturating_add(1);
            delay.min(LONGEST_RETRY)
        })
    }

    /// It went well.
    pub(crate) fn succeeded(&self, key: &ServerKey) {
        self.with(|all| {
            if let Some(remembered) = all.get_mut(key) {
                remembered.failures = 0;
            }
        });
    }

    /// When the server was last looked at; from now on it is `now`.
    pub(crate) fn looked(&self, key: &ServerKey, now: Timestamp) -> Option<Timestamp> {
        self.with(|all| all.entry(key.clone()).or_default().looked.replace(now))
    }

    /// How many proxies were current and how many outdated; from now on it is `now`.
    pub(crate) fn proxies(&self, key: &ServerKey, now: (usize, usize)) -> (usize, usize) {
        self.with(|all| {
            let counted = &mut all.entry(key.clone()).or_default().proxies;
            std::mem::replace(counted, now)
        })
    }

    /// Nothing of the server is remembered.
    fn forget(&self, key: &ServerKey) {
        self.with(|all| all.remove(key));
    }

    fn with<T>(&self, f: impl FnOnce(&mut HashMap<ServerKey, Remembered>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_retried_further_and_further_apart_until_one_succeeds() {
        let (memory, key) = (Memory::default(), ServerKey::new("d", "s"));
        let mut seconds = || memory.failed(&key).as_secs();
        let delays: Vec<u64> = std::iter::repeat_with(&mut seconds).take(8).collect();
        assert_eq!(delays, [1, 2, 4, 8, 16, 32, 60, 60]);
        memory.succeeded(&key);
        assert_eq!(memory.failed(&key).as_secs(), 1);
    }

    #[test]
    fn gathering_counts_from_the_first_change_held_back() {
        let (memory, key, now) = (Memory::default(), ServerKey::new("d", "s"), Instant::now());
        let later = now + Duration::from_millis(300);
        memory.rendered(&key, true, false, now);
        memory.rendered(&key, true, false, later);
        let held = Gathered {
            since: Some(now),
            written: None,
        };
        assert_eq!(memory.gathered(&key), held);
        memory.rendered(&key, false, true, later);
        let written = Gathered {
            since: None,
            written: Some(later),
        };
        assert_eq!(memory.gathered(&key), written);
        memory.rendered(&key, false, false, later + Duration::from_secs(1));
        assert_eq!(memory.gathered(&key), written);
    }
}
