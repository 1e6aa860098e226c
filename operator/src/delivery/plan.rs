//! When to touch a pod and when to ask it: a pure function of the time.
//!
//! A kubelet syncs a touched pod within about a second, so the first answers are asked for often.
//! A touch whose event crossed the ConfigMap's is lost, and the same value again would be no
//! change at all: each attempt has a number of its own, and the attempts grow apart.

use std::time::{Duration, Instant};

/// From a touch to the first question.
const FIRST_QUESTION: Duration = Duration::from_millis(40);
/// Questions grow apart up to this.
const LONGEST_QUESTION_GAP: Duration = Duration::from_secs(1);
/// Between the first touch and the second.
const FIRST_TOUCH_GAP: Duration = Duration::from_secs(1);
/// Touches grow apart up to this.
const LONGEST_TOUCH_GAP: Duration = Duration::from_secs(60);

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Write the annotation.
    Touch,
    /// Ask for the revision.
    Ask,
    /// Nothing before then.
    Wait(Instant),
}

/// The course of bringing one revision to one pod.
#[derive(Debug)]
pub(super) struct Plan {
    touch_at: Option<Instant>,
    touch_gap: Duration,
    ask_at: Instant,
    ask_gap: Duration,
}

impl Plan {
    /// `just_written`: the pod can't have it yet, so it is touched before it is asked.
    pub(super) fn new(just_written: bool, now: Instant) -> Self {
        Self {
            touch_at: just_written.then_some(now),
            touch_gap: FIRST_TOUCH_GAP,
            ask_at: now,
            ask_gap: FIRST_QUESTION,
        }
    }

    /// The step that is due at `now`.
    pub(super) fn next(&self, now: Instant) -> Step {
        if self.touch_at.is_some_and(|at| at <= now) {
            return Step::Touch;
        }
        if self.ask_at <= now {
            return Step::Ask;
        }
        Step::Wait(self.touch_at.map_or(self.ask_at, |at| at.min(self.ask_at)))
    }

    /// A touch was written, or refused. `jitter` is from 0.0 to 1.0 and spreads the pods.
    pub(super) fn touched(&mut self, now: Instant, jitter: f64) {
        let gap = self.touch_gap.mul_f64(0.8 + 0.4 * jitter.clamp(0.0, 1.0));
        self.touch_at = now.checked_add(gap);
        self.touch_gap = (self.touch_gap * 2).min(LONGEST_TOUCH_GAP);
        self.ask_gap = FIRST_QUESTION;
        self.ask_at = now.checked_add(self.ask_gap).unwrap_or(now);
    }

    /// The pod answered with another revision, or not at all.
    pub(super) fn in_vain(&mut self, now: Instant) {
        self.touch_at.get_or_insert(now);
        self.ask_gap = self.ask_gap.mul_f64(1.5).min(LONGEST_QUESTION_GAP);
        self.ask_at = now.checked_add(self.ask_gap).unwrap_or(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_just_written_is_touched_before_it_is_asked_for() {
        let now = Instant::now();
        let mut plan = Plan::new(true, now);
        assert_eq!(plan.next(now), Step::Touch);
        plan.touched(now, 0.5);
        assert_eq!(plan.next(now), Step::Wait(now + FIRST_QUESTION));
        assert_eq!(plan.next(now + FIRST_QUESTION), Step::Ask);
    }

    #[test]
    fn a_pod_that_may_have_it_is_asked_first_and_touched_when_it_has_not() {
        let now = Instant::now();
        let mut plan = Plan::new(false, now);
        assert_eq!(plan.next(now), Step::Ask);
        plan.in_vain(now);
        assert_eq!(plan.next(now), Step::Touch);
    }

    #[test]
    fn touches_grow_apart_to_a_minute_and_questions_to_a_second() {
        let start = Instant::now();
        let (mut plan, mut now) = (Plan::new(true, start), start);
        let (mut touches, mut last_question, mut longest) = (Vec::new(), start, Duration::ZERO);
        while touches.len() < 9 {
            match plan.next(now) {
                Step::Touch => {
                    touches.push(now.duration_since(start).as_secs());
                    plan.touched(now, 0.5);
                }
                Step::Ask => {
                    longest = longest.max(now.duration_since(last_question));
                    last_question = now;
                    plan.in_vain(now);
                }
                Step::Wait(until) => now = until,
            }
        }
        assert_eq!(touches, [0, 1, 3, 7, 15, 31, 63, 123, 183]);
        assert!(longest <= LONGEST_QUESTION_GAP, "{longest:?}");
    }

    #[test]
    fn jitter_keeps_within_a_fifth() {
        let now = Instant::now();
        for (jitter, milliseconds) in [(0.0, 800), (1.0, 1200), (7.0, 1200)] {
            let mut plan = Plan::new(true, now);
            plan.touched(now, jitter);
            assert_eq!(
                plan.touch_at,
                Some(now + Duration::from_millis(milliseconds))
            );
        }
    }
}
