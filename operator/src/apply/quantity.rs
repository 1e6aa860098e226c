//! Quantities by value: the API server rewrites `0.5` as `500m`.

/// Whether two quantities are equal; unreadable ones are equal when their text is.
pub(super) fn same_quantity(a: &str, b: &str) -> bool {
    a == b || matches!((nanos(a), nanos(b)), (Some(a), Some(b)) if a == b)
}

/// Billionths of a unit, the smallest step that the API server keeps.
/// Grammar: `k8s.io/apimachinery/pkg/api/resource`.
fn nanos(text: &str) -> Option<i128> {
    let end = text
        .char_indices()
        .find(|(_, c)| !matches!(c, '0'..='9' | '.' | '+' | '-'))
        .map_or(text.len(), |(at, _)| at);
    let (number, suffix) = (text.get(..end)?, text.get(end..)?);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = i128::try_from(fraction.len()).ok()?;
    let value: i128 = format!("{whole}{fraction}").parse().ok()?;
    let (factor, divisor) = scale(suffix)?;
    let power = 10i128.checked_pow(u32::try_from(digits).ok()?)?;
    let scaled = value.checked_mul(factor)?.checked_mul(1_000_000_000)?;
    let below = power.checked_mul(divisor)?;
    // Rounded up, as the API server does with what is smaller than its step.
    Some(scaled.div_euclid(below) + i128::from(scaled.rem_euclid(below) != 0))
}

/// What a suffix multiplies and divides by.
fn scale(suffix: &str) -> Option<(i128, i128)> {
    let power = |base: i128, exponent: u32| base.checked_pow(exponent).map(|p| (p, 1));
    match suffix {
        "" => Some((1, 1)),
        "n" => Some((1, 1_000_000_000)),
        "u" => Some((1, 1_000_000)),
        "m" => Some((1, 1_000)),
        "k" => power(1_000, 1),
        "M" => power(1_000, 2),
        "G" => power(1_000, 3),
        "T" => power(1_000, 4),
        "P" => power(1_000, 5),
        "E" => power(1_000, 6),
        "Ki" => power(1_024, 1),
        "Mi" => power(1_024, 2),
        "Gi" => power(1_024, 3),
        "Ti" => power(1_024, 4),
        "Pi" => power(1_024, 5),
        "Ei" => power(1_024, 6),
        exponent => {
            let digits = exponent.strip_prefix(['e', 'E'])?;
            let exponent: i32 = digits.parse().ok()?;
            let factor = 10i128.checked_pow(exponent.unsigned_abs())?;
            Some(if exponent < 0 {
                (1, factor)
            } else {
                (factor, 1)
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_value_are_the_same() {
        for (a, b) in [
            ("0.5", "500m"),
            ("1000m", "1"),
            ("64Mi", "65536Ki"),
            ("1e3", "1k"),
            ("1.5Gi", "1536Mi"),
            ("2E", "2000P"),
            ("+1", "1"),
        ] {
            assert!(same_quantity(a, b), "{a} {b}");
        }
    }

    #[test]
    fn different_values_are_different() {
        for (a, b) in [("64Mi", "64M"), ("1", "1m"), ("x", "y"), ("1", "")] {
            assert!(!same_quantity(a, b), "{a} {b}");
        }
    }
}
