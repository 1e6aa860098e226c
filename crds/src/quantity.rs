//! Quantities of CPU and memory, as far as they have to be compared and added up.

use std::cmp::Ordering;

/// Suffixes and the power they stand for: of ten, or of 1024.
const SUFFIXES: &[(&str, Power)] = &[
    ("Ki", Power::Binary(1)),
    ("Mi", Power::Binary(2)),
    ("Gi", Power::Binary(3)),
    ("Ti", Power::Binary(4)),
    ("Pi", Power::Binary(5)),
    ("Ei", Power::Binary(6)),
    ("n", Power::Decimal(-9)),
    ("u", Power::Decimal(-6)),
    ("m", Power::Decimal(-3)),
    ("k", Power::Decimal(3)),
    ("M", Power::Decimal(6)),
    ("G", Power::Decimal(9)),
    ("T", Power::Decimal(12)),
    ("P", Power::Decimal(15)),
    ("E", Power::Decimal(18)),
];

#[derive(Clone, Copy)]
enum Power {
    Decimal(i32),
    Binary(u32),
}

/// A quantity in billionths, saturating: enough to tell which of two is more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity(i128);

impl Quantity {
    /// Reads a quantity that isn't negative: `250m`, `0.5`, `128Mi`, `1e3`. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let number = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (number, suffix) = text.split_at(number);
        let (whole, fraction) = match number.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (number, ""),
        };
        if whole.is_empty() || fraction.contains('.') {
            return None;
        }
        let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
        let places = i32::try_from(fraction.len()).ok()?;
        let nano = match power(suffix)? {
            Power::Decimal(exponent) => scale(digits, exponent - places + 9),
            Power::Binary(exponent) => {
                scale(digits.saturating_mul(1024_i128.pow(exponent)), 9 - places)
            }
        };
        Some(Self(nano))
    }

    /// The sum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// In billionths of a core or byte.
    pub fn billionths(self) -> i128 {
        self.0
    }
}

fn power(suffix: &str) -> Option<Power> {
    if suffix.is_empty() {
        return Some(Power::Decimal(0));
    }
    if let Some((_, power)) = SUFFIXES.iter().find(|(known, _)| *known == suffix) {
        return Some(*power);
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?;
    let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let plain = (1..=2).contains(&digits.len()) && digits.chars().all(|c| c.is_ascii_digit());
    plain
        .then(|| exponent.parse().ok())
        .flatten()
        .map(Power::Decimal)
}

/// `digits × 10^exponent`; what is lost below a billionth is rounded up, as the API server does.
fn scale(digits: i128, exponent: i32) -> i128 {
    let factor = 10_i128.checked_pow(exponent.unsigned_abs());
    match (exponent.cmp(&0), factor) {
        (Ordering::Equal, _) => digits,
        (Ordering::Greater, Some(factor)) => digits.saturating_mul(factor),
        (Ordering::Greater, None) if digits == 0 => 0,
        (Ordering::Greater, None) => i128::MAX,
        (Ordering::Less, Some(factor)) => digits / factor + i128::from(digits % factor != 0),
        (Ordering::Less, None) => i128::from(digits != 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_amount_in_other_units_is_equal() {
        for (a, b) in [
            ("1", "1000m"),
            ("0.5", "500m"),
            ("1Ki", "1024"),
            ("1k", "1e3"),
            ("1500u", "1.5m"),
            ("1G", "1000M"),
            ("2E", "2e18"),
        ] {
            assert_eq!(Quantity::parse(a), Quantity::parse(b), "{a} {b}");
            assert!(Quantity::parse(a).is_some(), "{a}");
        }
    }

    #[test]
    fn more_is_more_whatever_the_unit() {
        for (less, more) in [
            ("999m", "1"),
            ("1G", "1Gi"),
            ("128Mi", "0.2Gi"),
            ("0", "1n"),
            ("1E", "1Ei"),
            ("1e3", "1Ki"),
        ] {
            assert!(
                Quantity::parse(less) < Quantity::parse(more),
                "{less} {more}"
            );
        }
    }

    #[test]
    fn what_is_too_small_to_tell_is_rounded_up_and_what_is_too_large_saturates() {
        assert_eq!(Quantity::parse("0.0000000001"), Quantity::parse("1n"));
        assert_eq!(Quantity::parse("0e-99"), Quantity::parse("0"));
        assert!(Quantity::parse("9e99") >= Quantity::parse("9999999999Ei"));
    }

    #[test]
    fn what_isnt_a_quantity_is_none() {
        for text in [
            "", "m", "-1", "+1", "1.", ".5", "1..5", "1.5.5", "1 Gi", "1gi", "1KiB", "1e", "1e+",
            "1e333", "one",
        ] {
            assert_eq!(Quantity::parse(text), None, "{text}");
        }
    }
}
