//! When each session was last served by this proxy. Other replicas have their own memory, and
//! a restarted proxy has none: a session it never served isn't idle.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::Rules;

/// Sessions that are remembered; one that would be more isn't, and so never counts as idle.
const CAPACITY: usize = 1 << 17;

/// Times of last use by `namespace/name`.
#[derive(Debug, Default)]
pub struct SessionIdle {
    served: Mutex<HashMap<String, Timestamp>>,
}

impl SessionIdle {
    /// How long ago `session`, as presented, was served; `None` where that isn't known or
    /// doesn't matter.
    pub fn idle(&self, rules: &Rules, session: &str, now: Timestamp) -> Option<Duration> {
        if !rules.tracks_idle || session.is_empty() {
            return None;
        }
        let served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        let last = served.get(&identity(rules, session))?;
        Some(now.duration_since(*last).try_into().unwrap_or_default())
    }

    /// Notes that `session`, as presented, is served now.
    pub fn serve(&self, rules: &Rules, session: &str, now: Timestamp) {
        if !rules.tracks_idle || session.is_empty() {
            return;
        }
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        let key = identity(rules, session);
        if served.len() < CAPACITY || served.contains_key(&key) {
            served.insert(key, now);
        }
    }

    /// Forgets sessions that aren't asked for any more.
    pub fn retain(&self, is_there: impl Fn(&str) -> bool) {
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        served.retain(|session, _| is_there(session));
    }
}

/// `namespace/name` of a session as presented.
fn identity(rules: &Rules, session: &str) -> String {
    if session.contains('/') {
        session.to_owned()
    } else {
        format!("{}/{session}", rules.policy.server().namespace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rules::rules;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn a_session_is_idle_since_it_was_last_served() {
        let rules = rules("session: {idle_timeout: 1m, enforce_limits: true}");
        let memory = SessionIdle::default();
        assert_eq!(memory.idle(&rules, "s", at(0)), None);
        memory.serve(&rules, "s", at(0));
        memory.serve(&rules, "s", at(5));
        assert_eq!(
            memory.idle(&rules, "team-a/s", at(30)),
            Some(Duration::from_secs(25))
        );
        assert_eq!(memory.idle(&rules, "team-b/s", at(30)), None);
    }

    #[test]
    fn nothing_is_remembered_where_it_doesnt_matter() {
        let rules = rules("session: {idle_timeout: 1m}");
        let memory = SessionIdle::default();
        memory.serve(&rules, "s", at(0));
        assert_eq!(memory.idle(&rules, "s", at(30)), None);
        assert!(memory.served.lock().unwrap().is_empty());
    }

    #[test]
    fn memory_is_bounded_and_what_is_in_it_stays_current() {
        let rules = rules("session: {idle_timeout: 1m, enforce_limits: true}");
        let memory = SessionIdle::default();
        for number in 0..=CAPACITY {
            memory.serve(&rules, &number.to_string(), at(0));
        }
        memory.serve(&rules, "0", at(10));
        assert_eq!(memory.served.lock().unwrap().len(), CAPACITY);
        assert_eq!(
            memory.idle(&rules, "0", at(30)),
            Some(Duration::from_secs(20))
        );
        assert_eq!(memory.idle(&rules, &CAPACITY.to_string(), at(30)), None);
        memory.retain(|session| session == "team-a/0");
        assert_eq!(memory.served.lock().unwrap().len(), 1);
    }
}
