//! What the person who waits gets to read: one line a step with its time, on stderr.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Runs one step and tells how long it took.
///
/// # Errors
/// The step's own, with its name in front.
pub fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let started = Instant::now();
    if stderr().is_terminal() {
        // Overwritten by the line that says it is done.
        let _ = write!(stderr(), "          {name} …\r");
    }
    let result = work();
    let outcome = if result.is_ok() { "" } else { ": failed" };
    say(&format!(
        "{:>7} s  {name}{outcome}",
        seconds(started.elapsed())
    ));
    result.with_context(|| name.to_owned())
}

/// Writes one line to stderr. A reader that has gone is not worth failing for.
pub fn say(line: &str) {
    let _ = writeln!(stderr(), "{line}");
}

/// Seconds with one decimal.
pub fn seconds(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64())
}
