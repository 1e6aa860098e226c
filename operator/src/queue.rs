//! Work to do, by server: one worker at a time for a server, the earliest due time wins.
//!
//! kube's `Controller` isn't used because it only ever calls back with an object that exists: a
//! grant or session of a server that doesn't has to be told so. It also polls every reconcile
//! on one task, where these workers spread over the runtime's threads.

mod schedule;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::key::ServerKey;
use schedule::{Next, Schedule};

/// The queue of one controller; shared by its watches and workers.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    schedule: Mutex<Schedule>,
    changed: Notify,
}

impl Queue {
    /// As soon as a worker is free.
    pub(crate) fn add(&self, key: ServerKey) {
        self.add_after(key, Duration::ZERO);
    }

    /// Not before `delay` has passed, unless something else asks for it sooner.
    pub(crate) fn add_after(&self, key: ServerKey, delay: Duration) {
        let now = Instant::now();
        self.with(|schedule| schedule.add(key, now.checked_add(delay).unwrap_or(now)));
        self.changed.notify_one();
    }

    /// The next server that is due; the caller owes a [`Queue::done`].
    pub(crate) async fn next(&self) -> ServerKey {
        loop {
            let changed = self.changed.notified();
            match self.with(|schedule| schedule.take(Instant::now())) {
                Next::Due(key) => {
                    // A permit is one: the worker that got it passes it on, so that
                    // several keys added at once wake several workers.
                    self.changed.notify_one();
                    return key;
                }
                Next::At(instant) => tokio::select! {
                    () = changed => (),
                    () = tokio::time::sleep_until(instant.into()) => (),
                },
                Next::Nothing => changed.await,
            }
        }
    }

    /// The worker is through with `key`.
    pub(crate) fn done(&self, key: &ServerKey) {
        self.with(|schedule| schedule.done(key));
        self.changed.notify_one();
    }

    fn with<T>(&self, f: impl FnOnce(&mut Schedule) -> T) -> T {
        f(&mut self.schedule.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[tokio::test]
    async fn keys_added_at_once_reach_every_waiting_worker() {
        let queue = Arc::new(Queue::default());
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..3 {
            let queue = Arc::clone(&queue);
            workers.spawn(async move { queue.next().await });
        }
        tokio::task::yield_now().await;
        for name in ["a", "b", "c"] {
            queue.add(ServerKey::new("d", name));
        }
        let mut taken = workers.join_all().await;
        taken.sort();
        let names: Vec<&str> = taken.iter().map(|key| key.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
    }
}
