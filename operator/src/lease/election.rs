//! Who leads: a pure function of the Lease as it was read and of two clocks.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::LeaseSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

/// How long a term is, and when its holder stops trusting it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// Another one may take over after this long without a renewal.
    pub(crate) duration: Duration,
    /// The holder stops writing this long after its last renewal was sent.
    /// Less than `duration`: the difference is what the clocks' rates and a slow request may cost.
    pub(crate) renew_deadline: Duration,
    /// Between two attempts.
    pub(crate) retry: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry: Duration::from_secs(2),
        }
    }
}

/// What to do with the Lease.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Write this; it makes, or keeps, us the leader if the write succeeds.
    Write(LeaseSpec),
    /// Someone else leads.
    Wait,
}

/// One candidate's view.
#[derive(Debug)]
pub(crate) struct Election {
    identity: String,
    terms: Terms,
    seen: Option<Seen>,
}

/// The last change of the Lease, by our own clock. Expiry is judged by how long *we* saw no
/// change: `renewTime` is the holder's clock, which may differ from ours.
#[derive(Debug)]
struct Seen {
    holder: Option<String>,
    renewed: Option<MicroTime>,
    at: Instant,
}

impl Election {
    /// `identity` must be this process's alone, not its pod's: a restarted container mustn't
    /// take its predecessor's term for its own.
    pub(crate) fn new(identity: String, terms: Terms) -> Self {
        Self {
            identity,
            terms,
            seen: None,
        }
    }

    pub(crate) fn terms(&self) -> Terms {
        self.terms
    }

    /// The next step, given the Lease as read at `now` (`wall` is what gets written down).
    pub(crate) fn step(&mut self, live: Option<&LeaseSpec>, now: Instant, wall: Timestamp) -> Step {
        let Some(live) = live else {
            return Step::Write(self.claim(0, wall));
        };
        let holder = live.holder_identity.as_deref().unwrap_or_default();
        let transitions = live.lease_transitions.unwrap_or_default();
        if holder == self.identity {
            return Step::Write(LeaseSpec {
                acquire_time: live.acquire_time.clone(),
                ..self.claim(transitions, wall)
            });
        }
        if holder.is_empty() || self.expired(live, now) {
            return Step::Write(self.claim(transitions.saturating_add(1), wall));
        }
        Step::Wait
    }

    /// The Lease given back, so that the next one needn't wait for its end.
    pub(crate) fn release(&self, live: &LeaseSpec, wall: Timestamp) -> Option<LeaseSpec> {
        (live.holder_identity.as_deref() == Some(&self.identity)).then(|| LeaseSpec {
            holder_identity: None,
            lease_duration_seconds: Some(1),
            renew_time: Some(MicroTime(wall)),
            acquire_time: live.acquire_time.clone(),
            lease_transitions: live.lease_transitions,
            ..LeaseSpec::default()
        })
    }

    fn expired(&mut self, live: &LeaseSpec, now: Instant) -> bool {
        let unchanged = self
            .seen
            .as_ref()
            .filter(|seen| seen.holder == live.holder_identity && seen.renewed == live.renew_time);
        let Some(seen) = unchanged else {
            self.seen = Some(Seen {
                holder: live.holder_identity.clone(),
                renewed: live.renew_time.clone(),
                at: now,
            });
            return false;
        };
        let seconds = live
            .lease_duration_seconds
            .and_then(|s| u64::try_from(s).ok());
        let term = seconds.map_or(self.terms.duration, Duration::from_secs);
        now.saturating_duration_since(seen.at) >= term
    }

    fn claim(&self, transitions: i32, wall: Timestamp) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(self.terms.duration.as_secs()).ok(),
            acquire_time: Some(MicroTime(wall)),
            renew_time: Some(MicroTime(wall)),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(name: &str) -> Election {
        Election::new(name.into(), Terms::default())
    }

    fn wall(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn written(step: Step) -> LeaseSpec {
        match step {
            Step::Write(spec) => spec,
            Step::Wait => panic!("waits"),
        }
    }

    #[test]
    fn the_first_one_takes_it_and_keeps_its_acquire_time() {
        let (mut a, now) = (candidate("a"), Instant::now());
        let first = written(a.step(None, now, wall(100)));
        let second = written(a.step(Some(&first), now, wall(102)));
        assert_eq!(second.acquire_time, first.acquire_time);
        assert_eq!(second.renew_time, Some(MicroTime(wall(102))));
        assert_eq!(second.lease_transitions, Some(0));
    }

    #[test]
    fn a_lease_that_is_renewed_is_never_taken_whatever_its_clock_says() {
        let (mut a, mut b, now) = (candidate("a"), candidate("b"), Instant::now());
        for round in 0..20 {
            // The holder's clock is an hour behind.
            let live = written(a.step(None, now, wall(round)));
            let at = now + Duration::from_secs(14 * u64::try_from(round).unwrap());
            assert_eq!(b.step(Some(&live), at, wall(3600)), Step::Wait);
        }
    }

    #[test]
    fn a_lease_without_renewal_is_taken_after_its_duration_on_our_clock() {
        let (mut a, mut b, now) = (candidate("a"), candidate("b"), Instant::now());
        let live = written(a.step(None, now, wall(100)));
        assert_eq!(b.step(Some(&live), now, wall(0)), Step::Wait);
        let almost = now + Duration::from_millis(14_999);
        assert_eq!(b.step(Some(&live), almost, wall(0)), Step::Wait);
        let after = now + Duration::from_secs(15);
        let taken = written(b.step(Some(&live), after, wall(115)));
        assert_eq!(taken.holder_identity.as_deref(), Some("b"));
        assert_eq!(taken.lease_transitions, Some(1));
    }

    #[test]
    fn a_released_lease_is_taken_at_once() {
        let (mut a, mut b, now) = (candidate("a"), candidate("b"), Instant::now());
        let live = written(a.step(None, now, wall(100)));
        assert_eq!(
            b.release(&live, wall(101)),
            None,
            "only its holder gives it back"
        );
        let released = a.release(&live, wall(101)).unwrap();
        let taken = written(b.step(Some(&released), now, wall(101)));
        assert_eq!(taken.holder_identity.as_deref(), Some("b"));
    }

    #[test]
    fn a_holder_stops_writing_before_another_may_take_over() {
        let terms = Terms::default();
        assert!(terms.renew_deadline + terms.retry < terms.duration);
    }
}
