//! Event streams (`text/event-stream`): where one event ends, and when to show that the stream
//! is alive. Pure over bytes and instants.
//!
//! Hops in front may hold an answer back until its first byte arrives (Traefik does), and
//! close what is silent for long; a comment line helps against both and means nothing to a
//! client (HTML Living Standard, section 9.2.6).

use std::time::Duration;

use tokio::time::Instant;

/// What is sent to show life: a comment and the empty line that ends no event.
pub(crate) const COMMENT: &[u8] = b":\n\n";

/// Silence of the server after which the first comment is sent.
const FIRST: Duration = Duration::from_millis(100);

/// Silence after which another one is.
const PERIOD: Duration = Duration::from_secs(15);

/// Follows a stream's bytes to tell whether it stands between two events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Boundary {
    /// Bytes of the line so far; at a boundary there are none, and the line before was empty.
    state: Line,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
enum Line {
    /// Between events.
    #[default]
    Between,
    /// Between events, where a `\n` would belong to the `\r` before.
    BetweenAfterCr,
    /// At the start of a line within an event.
    Start,
    /// The same, where a `\n` would belong to the `\r` before.
    StartAfterCr,
    /// Within a line.
    Within,
}

impl Boundary {
    /// Takes in the next bytes of the stream.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.state = match (self.state, byte) {
                (Line::BetweenAfterCr, b'\n') => Line::Between,
                (Line::StartAfterCr, b'\n') => Line::Start,
                (Line::Within, b'\n') => Line::Start,
                (Line::Within, b'\r') => Line::StartAfterCr,
                (Line::Within, _) => Line::Within,
                (_, b'\n') => Line::Between,
                (_, b'\r') => Line::BetweenAfterCr,
                (_, _) => Line::Within,
            };
        }
    }

    /// Whether nothing of an event is open.
    pub(super) fn is_between_events(self) -> bool {
        matches!(self.state, Line::Between | Line::BetweenAfterCr)
    }
}

/// When a stream is to show life.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Liveness {
    boundary: Boundary,
    due: Instant,
}

impl Liveness {
    /// For a stream whose head went out now.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            boundary: Boundary::default(),
            due: now + FIRST,
        }
    }

    /// The server sent these bytes.
    pub(crate) fn heard(&mut self, bytes: &[u8], now: Instant) {
        self.boundary.feed(bytes);
        self.due = now + PERIOD;
    }

    /// When to look again.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// Whether a comment is to be sent now. Within an event none may be; then the silence is
    /// the server's to end.
    pub(crate) fn speak(&mut self, now: Instant) -> bool {
        if now < self.due {
            return false;
        }
        self.due = now + PERIOD;
        self.boundary.is_between_events()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(pieces: &[&str]) -> bool {
        let mut boundary = Boundary::default();
        for piece in pieces {
            boundary.feed(piece.as_bytes());
        }
        boundary.is_between_events()
    }

    #[test]
    fn an_empty_line_ends_an_event_in_every_form_of_line_end() {
        for ended in [
            &[][..],
            &["data: 1\n\n"],
            &["data: 1\r\n\r\n"],
            &["data: 1\r\r"],
            &["data: 1\n\r\n"],
            &["data: 1\r\n\r", "\n"],
            &["data: 1\r\n", "\r", "\n"],
            &["id: 7\n", "data:\n", "\n"],
            &[":\n\n"],
            &["\n"],
        ] {
            assert!(between(ended), "{ended:?}");
        }
    }

    #[test]
    fn within_an_event_there_is_no_boundary() {
        for open in [
            &["data: 1"][..],
            &["data: 1\n"],
            &["data: 1\r\n"],
            &["data: 1\r", "\n"],
            &["data: 1\n\ndata"],
            &["data: \u{e9}".split_at(6).0],
            &[":"],
            &["\n", "x"],
        ] {
            assert!(!between(open), "{open:?}");
        }
    }

    #[test]
    fn a_silent_stream_shows_life_after_100_ms_and_then_every_15_s() {
        let start = Instant::now();
        let mut liveness = Liveness::new(start);
        assert!(!liveness.speak(start + Duration::from_millis(99)));
        assert!(liveness.speak(start + Duration::from_millis(100)));
        assert!(!liveness.speak(start + Duration::from_millis(15_099)));
        assert!(liveness.speak(start + Duration::from_millis(15_100)));
    }

    #[test]
    fn a_stream_that_speaks_isnt_spoken_into() {
        let start = Instant::now();
        let mut liveness = Liveness::new(start);
        liveness.heard(b"data: half", start + Duration::from_millis(50));
        assert_eq!(liveness.due(), start + Duration::from_millis(15_050));
        assert!(!liveness.speak(start + Duration::from_secs(16)));
        liveness.heard(b"\n\n", start + Duration::from_secs(17));
        assert!(liveness.speak(start + Duration::from_secs(32)));
    }
}
