//! Stage: an event for every exchange, written where no caller waits for it.
//! In: a [`Record`] that follows the exchange.  Out: one JSON line for each event on stdout.

mod record;
mod trace;

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use policy::Event;
use prometheus_client::metrics::counter::Counter;

pub use record::Origin;
pub(crate) use record::Record;

/// Events that wait to be written at most; further ones are dropped and counted.
const CAPACITY: usize = 4096;

const HALF: usize = CAPACITY / 2;

/// How long the writer lets events gather, so that it wakes up for many instead of for each.
const GATHER: Duration = Duration::from_millis(5);

/// The way events take. Cheap to clone.
#[derive(Clone)]
pub struct AuditLog {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    counts: Counts,
}

#[derive(Default)]
struct Queue {
    events: Vec<Event>,
    closed: bool,
    ended: bool,
}

/// What became of events.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Written.
    pub written: Counter,
    /// Lost: the writer was too slow, or its output failed.
    pub dropped: Counter,
}

impl AuditLog {
    /// Writes events to `output` from a thread of its own. `None` counts them as written and
    /// writes nothing (`--audit-stdout false`).
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(output: Option<Box<dyn Write + Send>>) -> std::io::Result<Self> {
        let log = Self {
            shared: Arc::new(Shared {
                queue: Mutex::default(),
                changed: Condvar::new(),
                counts: Counts::default(),
            }),
        };
        let shared = Arc::clone(&log.shared);
        std::thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || shared.write(output.unwrap_or_else(|| Box::new(std::io::sink()))))?;
        Ok(log)
    }

    /// Hands an event over. Never waits for the output.
    pub fn push(&self, event: Event) {
        let mut queue = self.lock();
        if queue.closed || queue.events.len() >= CAPACITY {
            self.shared.counts.dropped.inc();
            return;
        }
        queue.events.push(event);
        // The writer takes all there is: it sleeps only where there was nothing, and gathers
        // no longer than there is room.
        if matches!(queue.events.len(), 1 | HALF) {
            drop(queue);
            self.shared.changed.notify_all();
        }
    }

    /// What became of events so far.
    pub fn counts(&self) -> &Counts {
        &self.shared.counts
    }

    /// Takes no more events and waits, at most `patience`, until all are written.
    pub fn close(&self, patience: Duration) {
        let mut queue = self.lock();
        queue.closed = true;
        self.shared.changed.notify_all();
        let waited = self
            .shared
            .changed
            .wait_timeout_while(queue, patience, |queue| !queue.ended);
        drop(waited);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.shared
            .queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn write(&self, mut output: Box<dyn Write + Send>) {
        let mut lines = Vec::new();
        loop {
            let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            let queue = self
                .changed
                .wait_while(queue, |queue| queue.events.is_empty() && !queue.closed)
                .unwrap_or_else(PoisonError::into_inner);
            let (mut queue, _) = self
                .changed
                .wait_timeout_while(queue, GATHER, |queue| {
                    queue.events.len() < HALF && !queue.closed
                })
                .unwrap_or_else(PoisonError::into_inner);
            let events = std::mem::take(&mut queue.events);
            if events.is_empty() {
                queue.ended = true;
                self.changed.notify_all();
                return;
            }
            drop(queue);
            let count = u64::try_from(events.len()).unwrap_or(u64::MAX);
            let written = append(&mut lines, &events)
                .and_then(|()| output.write_all(&lines))
                .and_then(|()| output.flush());
            match written {
                Ok(()) => self.counts.written.inc_by(count),
                Err(error) => {
                    tracing::warn!(error = %error, events = count, "audit events lost");
                    self.counts.dropped.inc_by(count)
                }
            };
            lines.clear();
            lines.shrink_to(64 << 10);
        }
    }
}

fn append(lines: &mut Vec<u8>, events: &[Event]) -> std::io::Result<()> {
    for event in events {
        serde_json::to_writer(&mut *lines, event)?;
        lines.push(b'\n');
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use policy::Payload;
    use std::sync::mpsc;

    fn event(id: &str) -> Event {
        Event {
            event_id: id.to_owned(),
            timestamp: Timestamp::UNIX_EPOCH,
            trace_id: None,
            source: "mcp-gateway".into(),
            event_type: "mcp.request".into(),
            payload: Payload::default(),
        }
    }

    /// Takes what is written, once the test lets it.
    struct Gate {
        open: mpsc::Receiver<()>,
        taken: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.open.recv().ok();
            self.taken.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn each_event_is_one_line_in_order() {
        let (opener, open) = mpsc::channel();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let log = AuditLog::start(Some(Box::new(Gate {
            open,
            taken: taken.clone(),
        })))
        .unwrap();
        log.push(event("a"));
        log.push(event("b"));
        drop(opener);
        log.close(Duration::from_secs(10));
        let text = String::from_utf8(taken.lock().unwrap().clone()).unwrap();
        let ids: Vec<String> = text
            .lines()
            .map(|line| serde_json::from_str::<Event>(line).unwrap().event_id)
            .collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(
            (log.counts().written.get(), log.counts().dropped.get()),
            (2, 0)
        );
    }

    #[test]
    fn a_stuck_output_costs_events_and_never_a_callers_time() {
        let (opener, open) = mpsc::channel();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let log = AuditLog::start(Some(Box::new(Gate { open, taken }))).unwrap();
        for _ in 0..3 * CAPACITY {
            log.push(event("a"));
        }
        assert!(log.counts().dropped.get() >= u64::try_from(CAPACITY).unwrap());
        drop(opener);
        log.close(Duration::from_secs(10));
        let (written, dropped) = (log.counts().written.get(), log.counts().dropped.get());
        assert_eq!(written + dropped, 3 * u64::try_from(CAPACITY).unwrap());
    }

    #[test]
    fn a_failed_output_is_counted() {
        struct Broken;
        impl Write for Broken {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::Error::other("gone"))
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let log = AuditLog::start(Some(Box::new(Broken))).unwrap();
        log.push(event("a"));
        log.close(Duration::from_secs(10));
        assert_eq!(
            (log.counts().written.get(), log.counts().dropped.get()),
            (0, 1)
        );
    }
}
