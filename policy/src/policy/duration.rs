//! Durations as the documents and manifests write them: Go's `time.ParseDuration`.

use std::time::Duration;

/// Reads a duration of Go's form: one or more numbers, each with a unit (`1h30m`, `1.5h`,
/// `300ms`); units are `ns`, `us`, `µs`, `ms`, `s`, `m`, `h`. A bare `0` needs none.
///
/// `None` for anything else, for a sign, and for more than Go can hold (about 292 years).
pub fn parse_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut total: u64 = 0;
    loop {
        let (number, after) = split(rest, |c| c.is_ascii_digit() || c == '.');
        let (unit, after) = split(after, |c| !(c.is_ascii_digit() || c == '.'));
        total = total.checked_add(nanoseconds(number, unit)?)?;
        if after.is_empty() {
            return i64::try_from(total)
                .is_ok()
                .then(|| Duration::from_nanos(total));
        }
        rest = after;
    }
}

fn split(text: &str, while_: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !while_(c)).unwrap_or(text.len()))
}

fn nanoseconds(number: &str, unit: &str) -> Option<u64> {
    let unit: u64 = match unit {
        "ns" => 1,
        // The micro sign and the Greek letter.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole = if whole.is_empty() {
        0
    } else {
        whole.parse::<u64>().ok()?
    };
    let mut nanoseconds = whole.checked_mul(unit)?;
    let mut scale = unit;
    for digit in fraction.chars() {
        // Digits below a nanosecond are dropped, as Go does.
        let digit = u64::from(digit.to_digit(10)?);
        nanoseconds = nanoseconds.checked_add(digit.checked_mul(scale)? / 10)?;
        scale /= 10;
    }
    Some(nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, expected) in [
            ("0", Duration::ZERO),
            ("0s", Duration::ZERO),
            ("24h", Duration::from_secs(86_400)),
            ("1h30m", Duration::from_secs(5_400)),
            ("1.5h", Duration::from_secs(5_400)),
            (".5s", Duration::from_millis(500)),
            ("1.s", Duration::from_secs(1)),
            ("300ms", Duration::from_millis(300)),
            ("1\u{b5}s2\u{3bc}s3us4ns", Duration::from_nanos(6_004)),
            (
                "2540400h10m10.000000000s",
                Duration::from_secs(9_145_440_610),
            ),
        ] {
            assert_eq!(parse_duration(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_go_refuses_and_what_makes_no_sense_here_is_refused() {
        for text in [
            "", "3", "-1s", "+1s", "1d", "s", ".s", "1..5s", "1 h", "3000000h", "1h-5m",
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
