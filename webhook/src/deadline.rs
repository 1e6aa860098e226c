//! By when an answer is of use. API servers write it into the URL (`?timeout=5s`).

use std::time::{Duration, Instant};

/// What an API server waits for where it doesn't say: `timeoutSeconds` is 10 by default.
const UNSAID: Duration = Duration::from_secs(10);
/// The most that `timeoutSeconds` may be.
const MOST: Duration = Duration::from_secs(30);

/// When a request's head was there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrived(Instant);

impl Arrived {
    pub(crate) fn now() -> Self {
        Self(Instant::now())
    }

    /// By when a request with this query has to be answered.
    pub(crate) fn deadline(self, query: &str) -> Instant {
        self.0 + patience(query)
    }
}

/// How long the caller waits.
fn patience(query: &str) -> Duration {
    let said = query
        .split('&')
        .find_map(|parameter| parameter.strip_prefix("timeout="))
        .and_then(duration);
    said.unwrap_or(UNSAID).min(MOST)
}

/// A duration as Go writes it (`1m30s`, `2.5s`, `300ms`); API servers send whole seconds.
fn duration(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at_checked(digits)?;
        let letters = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(letters)?;
        let seconds = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        let part = Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?;
        total = total.checked_add(part)?;
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_is_what_the_query_says_within_what_an_api_server_may_say() {
        let seconds = Duration::from_secs;
        for (query, expected) in [
            ("timeout=5s", seconds(5)),
            ("a=b&timeout=1m0s", MOST),
            ("timeout=2.5s", Duration::from_millis(2500)),
            ("timeout=1s500ms", Duration::from_millis(1500)),
            ("timeout=0s", Duration::ZERO),
            ("", UNSAID),
            ("timeout=", UNSAID),
            ("timeout=5", UNSAID),
            ("timeout=s", UNSAID),
            ("timeout=-5s", UNSAID),
            ("timeout=1.2.3s", UNSAID),
            ("timeout=99999999999999999999h99h", UNSAID),
            ("timeout=é", UNSAID),
        ] {
            assert_eq!(patience(query), expected, "{query}");
        }
    }
}
