//! Amounts of CPU and memory, added up exactly and written as people write them.

/// Suffixes and what they stand for, in billionths.
const UNITS: [(&str, i128); 15] = [
    ("Ki", 1024 * ONE),
    ("Mi", 1024 * 1024 * ONE),
    ("Gi", 1024 * 1024 * 1024 * ONE),
    ("Ti", 1024_i128.pow(4) * ONE),
    ("Pi", 1024_i128.pow(5) * ONE),
    ("Ei", 1024_i128.pow(6) * ONE),
    ("n", 1),
    ("u", 1_000),
    ("m", 1_000_000),
    ("", ONE),
    ("k", 1_000 * ONE),
    ("M", 1_000_000 * ONE),
    ("G", 1_000_000_000 * ONE),
    ("T", 1_000_000_000_000 * ONE),
    ("P", 1_000_000_000_000_000 * ONE),
];
const ONE: i128 = 1_000_000_000;

/// An amount in billionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Quantity(i128);

impl Quantity {
    /// Reads what the API server writes: digits, a fraction, a suffix. `None` for anything else,
    /// exponents too: nobody's pod should be refused for a number we misread.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (number, suffix) = text.split_at_checked(end)?;
        let (_, unit) = UNITS.iter().find(|(known, _)| *known == suffix)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let places = u32::try_from(fraction.len()).ok()?;
        let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
        let divisor = 10_i128.checked_pow(places)?;
        Some(Self(digits.checked_mul(*unit)? / divisor))
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// In the unit that people use for the resource, rounded up to it.
    pub(crate) fn written(self, resource: &str) -> String {
        let in_units = |suffix: &str, unit: i128| {
            let whole = self.0.div_euclid(unit);
            let up = i128::from(self.0.rem_euclid(unit) != 0);
            format!("{}{suffix}", whole + up)
        };
        match resource {
            "cpu" if self.0 % ONE == 0 => in_units("", ONE),
            "cpu" => in_units("m", ONE / 1_000),
            _ => {
                let exact = |(_, unit): &&(&str, i128)| self.0 >= *unit && self.0 % unit == 0;
                let binary = UNITS.iter().take(6).rev().find(exact);
                binary.map_or_else(
                    || in_units("", ONE),
                    |(suffix, unit)| in_units(suffix, *unit),
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_add_up_whatever_their_units() {
        let sum = |a: &str, b: &str, resource: &str| {
            let (a, b) = (Quantity::parse(a).unwrap(), Quantity::parse(b).unwrap());
            a.plus(b).written(resource)
        };
        assert_eq!(sum("1", "250m", "cpu"), "1250m");
        assert_eq!(sum("0.5", "500m", "cpu"), "1");
        assert_eq!(sum("1u", "1m", "cpu"), "2m");
        assert_eq!(sum("64Mi", "1Gi", "memory"), "1088Mi");
        assert_eq!(sum("1G", "24", "memory"), "1000000024");
        assert_eq!(sum("512Ki", "0.5Mi", "memory"), "1Mi");
    }

    #[test]
    fn what_is_not_plainly_an_amount_is_none() {
        for text in ["", "m", "-1", "1e3", "1.2.3", "1KB", "ü", "1 Gi", "one"] {
            assert_eq!(Quantity::parse(text), None, "{text}");
        }
    }
}
