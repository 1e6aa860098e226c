//! When to write which event: a pure function of the notices and the time.
//!
//! One series for each owner and reason. Its first notice is written at once, the following are
//! counted and written at most once a minute.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::notice::{Notice, Owner};

/// Between two writes of one series.
const GAP: Duration = Duration::from_secs(60);
/// Without a notice for so long a series is over, as in client-go.
const SILENCE: Duration = Duration::from_secs(360);
/// Series at a time; whoever makes up owners doesn't make us write without end.
const MOST: usize = 512;

/// What a series is of.
pub(super) type Key = (Owner, &'static str);

/// An event that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) name: String,
    pub(super) note: String,
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) key: Key,
    pub(super) note: String,
    /// How many notices the event then stands for.
    pub(super) count: i32,
    /// The event to count up; a new one where there is none.
    pub(super) series: Option<Written>,
}

/// No series can be added.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

#[derive(Debug)]
struct Series {
    note: String,
    /// What the event stands for, and what is to be added to it.
    count: i32,
    unwritten: i32,
    event: Option<Written>,
    heard: Instant,
    wrote: Instant,
}

/// All series under way.
#[derive(Debug, Default)]
pub(super) struct Ledger(HashMap<Key, Series>);

impl Ledger {
    /// Takes a notice in; answers what is to be written now.
    pub(super) fn enter(&mut self, notice: Notice, now: Instant) -> Result<Option<Step>, Full> {
        self.0
            .retain(|_, series| series.unwritten > 0 || series.heard + SILENCE > now);
        let key = (notice.owner, notice.reason);
        if let Some(series) = self.0.get_mut(&key) {
            series.unwritten = series.unwritten.saturating_add(1);
            series.note = notice.note;
            series.heard = now;
            return Ok(series.is_due(now).then(|| series.step(&key, now)));
        }
        if self.0.len() >= MOST {
            return Err(Full);
        }
        let mut series = Series {
            note: notice.note,
            count: 0,
            unwritten: 1,
            event: None,
            heard: now,
            wrote: now,
        };
        let step = series.step(&key, now);
        self.0.insert(key, series);
        Ok(Some(step))
    }

    /// What was counted and may be written now.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Step> {
        let due = self.0.iter_mut().filter(|(_, series)| series.is_due(now));
        due.map(|(key, series)| series.step(key, now)).collect()
    }

    /// When [`Ledger::due`] has something next.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let waiting = self.0.values().filter(|series| series.unwritten > 0);
        waiting.map(|series| series.wrote + GAP).min()
    }

    /// A step is done, or failed: the next one then begins anew.
    pub(super) fn settle(&mut self, key: &Key, written: Option<Written>) {
        if let Some(series) = self.0.get_mut(key) {
            series.event = written;
        }
    }
}

impl Series {
    fn is_due(&self, now: Instant) -> bool {
        self.unwritten > 0 && self.wrote + GAP <= now
    }

    fn step(&mut self, key: &Key, now: Instant) -> Step {
        // An event's note can't be changed: another one is another event.
        let series = self.event.take().filter(|event| event.note == self.note);
        let before = if series.is_some() { self.count } else { 0 };
        self.count = before.saturating_add(self.unwritten);
        self.unwritten = 0;
        self.wrote = now;
        Step {
            key: key.clone(),
            note: self.note.clone(),
            count: self.count,
            series,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(owner: &str, note: &str) -> Notice {
        Notice {
            owner: Owner {
                uid: owner.into(),
                ..Owner::default()
            },
            reason: "HostNetwork",
            note: note.into(),
        }
    }

    fn step(note: &str, count: i32, series: Option<&str>) -> Step {
        let Notice { owner, reason, .. } = notice("a", "");
        Step {
            key: (owner, reason),
            note: note.into(),
            count,
            series: series.map(written),
        }
    }

    fn written(note: &str) -> Written {
        Written {
            name: "e".into(),
            note: note.into(),
        }
    }

    #[test]
    fn the_first_is_written_at_once_and_a_minutes_others_together() {
        let (mut ledger, now) = (Ledger::default(), Instant::now());
        let second = Duration::from_secs(1);
        let first = ledger.enter(notice("a", "n"), now).unwrap().unwrap();
        assert_eq!(first, step("n", 1, None));
        ledger.settle(&first.key, Some(written("n")));
        assert_eq!(ledger.next_due(), None);
        for seconds in 1..=40 {
            let step = ledger.enter(notice("a", "n"), now + seconds * second);
            assert_eq!(step, Ok(None), "{seconds}");
        }
        assert_eq!(ledger.next_due(), Some(now + GAP));
        assert_eq!(ledger.due(now + 59 * second), []);
        assert_eq!(ledger.due(now + GAP), [step("n", 41, Some("n"))]);
        assert_eq!(ledger.next_due(), None);
    }

    #[test]
    fn a_notice_after_a_quiet_minute_counts_up_at_once_and_after_six_it_begins_anew() {
        let (mut ledger, now) = (Ledger::default(), Instant::now());
        let first = ledger.enter(notice("a", "n"), now).unwrap().unwrap();
        ledger.settle(&first.key, Some(written("n")));
        let later = now + 2 * GAP;
        let second = ledger.enter(notice("a", "n"), later).unwrap().unwrap();
        assert_eq!(second, step("n", 2, Some("n")));
        ledger.settle(&second.key, Some(written("n")));
        let third = ledger.enter(notice("a", "n"), later + SILENCE);
        assert_eq!(third, Ok(Some(step("n", 1, None))));
    }

    #[test]
    fn another_note_and_a_failed_write_begin_another_event() {
        let (mut ledger, now) = (Ledger::default(), Instant::now());
        let first = ledger.enter(notice("a", "n"), now).unwrap().unwrap();
        ledger.settle(&first.key, Some(written("n")));
        assert_eq!(ledger.enter(notice("a", "m"), now), Ok(None));
        assert_eq!(ledger.enter(notice("a", "m"), now), Ok(None));
        assert_eq!(ledger.due(now + GAP), [step("m", 2, None)]);
        ledger.settle(&first.key, None);
        let again = ledger.enter(notice("a", "m"), now + 2 * GAP);
        assert_eq!(again, Ok(Some(step("m", 1, None))));
    }

    #[test]
    fn series_have_a_bound_and_silent_ones_make_room() {
        let (mut ledger, now) = (Ledger::default(), Instant::now());
        for owner in 0..MOST {
            let step = ledger.enter(notice(&owner.to_string(), "n"), now);
            assert!(matches!(step, Ok(Some(_))), "{owner}");
        }
        assert_eq!(ledger.enter(notice("one more", "n"), now), Err(Full));
        let later = now + SILENCE;
        assert!(ledger.enter(notice("one more", "n"), later).is_ok());
    }
}
