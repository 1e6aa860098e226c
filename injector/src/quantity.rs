//! Amounts of CPU and memory as people write them.

use crds::Quantity;

/// Binary suffixes and what they stand for, in billionths.
const UNITS: [(&str, i128); 6] = [
    ("Ki", 1024 * ONE),
    ("Mi", 1024 * 1024 * ONE),
    ("Gi", 1024 * 1024 * 1024 * ONE),
    ("Ti", 1024_i128.pow(4) * ONE),
    ("Pi", 1024_i128.pow(5) * ONE),
    ("Ei", 1024_i128.pow(6) * ONE),
];
const ONE: i128 = 1_000_000_000;

/// In the unit that people use for the resource, rounded up to it.
pub(crate) fn written(amount: Quantity, resource: &str) -> String {
    let amount = amount.billionths();
    let in_units = |suffix: &str, unit: i128| {
        let whole = amount.div_euclid(unit);
        let up = i128::from(amount.rem_euclid(unit) != 0);
        format!("{}{suffix}", whole + up)
    };
    match resource {
        "cpu" if amount % ONE == 0 => in_units("", ONE),
        "cpu" => in_units("m", ONE / 1_000),
        _ => {
            let exact = |(_, unit): &&(&str, i128)| amount >= *unit && amount % unit == 0;
            let binary = UNITS.iter().rev().find(exact);
            binary.map_or_else(
                || in_units("", ONE),
                |(suffix, unit)| in_units(suffix, *unit),
            )
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
            written(a.plus(b), resource)
        };
        assert_eq!(sum("1", "250m", "cpu"), "1250m");
        assert_eq!(sum("0.5", "500m", "cpu"), "1");
        assert_eq!(sum("1u", "1m", "cpu"), "2m");
        assert_eq!(sum("64Mi", "1Gi", "memory"), "1088Mi");
        assert_eq!(sum("1G", "24", "memory"), "1000000024");
        assert_eq!(sum("512Ki", "0.5Mi", "memory"), "1Mi");
        assert_eq!(sum("1e3", "0", "memory"), "1000");
    }
}
