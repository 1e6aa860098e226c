//! The queue's state, with the time as an argument.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Instant;

use crate::key::ServerKey;

/// What a worker is to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// This server, now.
    Due(ServerKey),
    /// Wait until then, or until something changes.
    At(Instant),
    /// Wait until something changes.
    Nothing,
}

/// Who is due when, and who is being worked on.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    by_time: BTreeSet<(Instant, ServerKey)>,
    by_key: HashMap<ServerKey, Instant>,
    running: HashSet<ServerKey>,
}

impl Schedule {
    /// `key` at `at`, or earlier if that was asked for already.
    pub(super) fn add(&mut self, key: ServerKey, at: Instant) {
        match self.by_key.get(&key) {
            Some(&earlier) if earlier <= at => return,
            Some(&later) => self.unlist(&key, later),
            None => (),
        }
        // While it runs, the key waits in `by_key` alone; `done` lists it again.
        if !self.running.contains(&key) {
            self.by_time.insert((at, key.clone()));
        }
        self.by_key.insert(key, at);
    }

    /// The first that is due and not being worked on.
    pub(super) fn take(&mut self, now: Instant) -> Next {
        let Some((at, key)) = self.by_time.first().cloned() else {
            return Next::Nothing;
        };
        if at > now {
            return Next::At(at);
        }
        self.unlist(&key, at);
        self.by_key.remove(&key);
        self.running.insert(key.clone());
        Next::Due(key)
    }

    /// `key` may run again.
    pub(super) fn done(&mut self, key: &ServerKey) {
        self.running.remove(key);
        if let Some(&at) = self.by_key.get(key) {
            self.by_time.insert((at, key.clone()));
        }
    }

    fn unlist(&mut self, key: &ServerKey, at: Instant) {
        self.by_time.remove(&(at, key.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn key(name: &str) -> ServerKey {
        ServerKey::new("d", name)
    }

    #[test]
    fn a_server_that_is_worked_on_waits_until_it_is_done() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        schedule.add(key("a"), now);
        assert_eq!(schedule.take(now), Next::Due(key("a")));
        schedule.add(key("a"), now);
        assert_eq!(schedule.take(now), Next::Nothing);
        schedule.done(&key("a"));
        assert_eq!(schedule.take(now), Next::Due(key("a")));
        schedule.done(&key("a"));
        assert_eq!(schedule.take(now), Next::Nothing);
    }

    #[test]
    fn the_earliest_time_asked_for_wins() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        let (soon, later) = (now + Duration::from_secs(1), now + Duration::from_secs(9));
        schedule.add(key("a"), later);
        schedule.add(key("a"), soon);
        schedule.add(key("a"), later);
        assert_eq!(schedule.take(now), Next::At(soon));
        assert_eq!(schedule.take(soon), Next::Due(key("a")));
        assert_eq!(schedule.take(later), Next::Nothing);
    }

    #[test]
    fn a_server_that_is_worked_on_does_not_hold_up_another() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        schedule.add(key("a"), now);
        assert_eq!(schedule.take(now), Next::Due(key("a")));
        schedule.add(key("a"), now);
        schedule.add(key("b"), now);
        assert_eq!(schedule.take(now), Next::Due(key("b")));
    }
}
