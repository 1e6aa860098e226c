//! Waiting for conditions, never for time.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How long to leave a condition alone before looking again.
const PERIOD: Duration = Duration::from_millis(50);

/// Asks until `condition` gives a value.
///
/// `condition` answers `Ok(Err(why))` while it isn't met; the last `why` is in the error.
///
/// # Errors
/// The condition's own error at once, or that `deadline` passed.
pub fn until<T>(
    what: &str,
    deadline: Duration,
    mut condition: impl FnMut() -> Result<Result<T, String>>,
) -> Result<T> {
    let started = Instant::now();
    loop {
        let why = match condition()? {
            Ok(value) => return Ok(value),
            Err(why) => why,
        };
        if started.elapsed() >= deadline {
            bail!("{what}: not within {} s: {why}", deadline.as_secs());
        }
        thread::sleep(PERIOD);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_reason_is_told_when_the_deadline_passes() {
        let outcome: Result<()> = until("node Ready", Duration::ZERO, || {
            Ok(Err("KubeletNotReady".to_owned()))
        });
        assert_eq!(
            outcome.map_err(|error| error.to_string()),
            Err("node Ready: not within 0 s: KubeletNotReady".to_owned())
        );
    }

    #[test]
    fn a_condition_met_later_gives_its_value() -> Result<()> {
        let mut asked = 0;
        let value = until("third", Duration::from_secs(5), || {
            asked += 1;
            Ok(if asked == 3 {
                Ok(asked)
            } else {
                Err("not yet".to_owned())
            })
        })?;
        assert_eq!(value, 3);
        Ok(())
    }
}
