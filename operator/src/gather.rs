//! When a new policy is written.
//!
//! What takes access away is written at once. A kubelet syncs a pod at most about once a second,
//! so what only gives is kept apart by more than that: a busy server's new sessions mustn't stand
//! in front of a revocation. Alone, a new session waits just long enough for those applied with it.

use std::time::{Duration, Instant};

/// From the first change that only gives, for the others that come with it.
pub(crate) const TOGETHER: Duration = Duration::from_millis(200);
/// Between a write and the next one that only gives.
pub(crate) const APART: Duration = Duration::from_secs(2);

/// What is remembered of a server's earlier writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gathered {
    /// Since when something that only gives has been held back.
    pub(crate) since: Option<Instant>,
    /// When the policy was last written.
    pub(crate) written: Option<Instant>,
}

/// How long to hold back what only gives; `None` when it is to be written now.
pub(crate) fn hold(gathered: Gathered, now: Instant) -> Option<Duration> {
    let together = gathered.since.unwrap_or(now).checked_add(TOGETHER);
    let apart = gathered
        .written
        .and_then(|written| written.checked_add(APART));
    let left = together.max(apart)?.saturating_duration_since(now);
    (!left.is_zero()).then_some(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(since: Option<u64>, written: Option<u64>) -> Option<Duration> {
        let start = Instant::now();
        let moment = |ms| start + Duration::from_millis(ms);
        let gathered = Gathered {
            since: since.map(moment),
            written: written.map(moment),
        };
        hold(gathered, moment(10_000))
    }

    #[test]
    fn a_first_change_waits_for_those_that_come_with_it() {
        assert_eq!(at(None, None), Some(TOGETHER));
        assert_eq!(at(Some(9_900), None), Some(Duration::from_millis(100)));
        assert_eq!(at(Some(9_800), Some(1_000)), None);
    }

    #[test]
    fn the_next_one_keeps_its_distance_from_the_last_write() {
        assert_eq!(at(Some(9_500), Some(9_000)), Some(Duration::from_secs(1)));
        assert_eq!(at(Some(8_000), Some(8_000)), None);
    }
}
