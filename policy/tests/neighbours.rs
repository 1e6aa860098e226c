//! How many edits lie between two situations.

use serde_json::Value;

/// The least number of values to put in, take out or replace that turns one into the other:
/// a whole item of a list or section counts once.
pub(crate) fn edits(a: &Value, b: &Value) -> usize {
    match (a, b) {
        _ if a == b => 0,
        (Value::Object(a), Value::Object(b)) => {
            let gone = a.keys().filter(|key| !b.contains_key(*key)).count();
            b.iter()
                .map(|(key, value)| a.get(key).map_or(1, |old| edits(old, value)))
                .sum::<usize>()
                + gone
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).map(|(a, b)| edits(a, b)).sum()
        }
        (Value::Array(a), Value::Array(b)) => {
            let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
            let kept = |skip: usize| long.iter().enumerate().filter(move |(i, _)| *i != skip);
            let inserted = long.len() == short.len() + 1
                && (0..long.len()).any(|skip| kept(skip).map(|(_, value)| value).eq(short));
            if inserted { 1 } else { a.len().max(b.len()) }
        }
        _ => 1,
    }
}

#[test]
fn edits_count_values() {
    let value = |json: &str| serde_json::from_str::<Value>(json).unwrap();
    for (a, b, expected) in [
        (r#"{"a":1}"#, r#"{"a":1}"#, 0),
        (r#"{"a":1}"#, r#"{"a":2}"#, 1),
        (r#"{"a":1}"#, r#"{"a":1,"b":{"c":2,"d":3}}"#, 1),
        (r#"{"a":[1,2]}"#, r#"{"a":[2]}"#, 1),
        (r#"{"a":[1,2]}"#, r#"{"a":[3,4]}"#, 2),
        (r#"{"a":null}"#, r#"{"a":{"b":1,"c":2}}"#, 1),
        (r#"{"a":1}"#, r#"{"b":1}"#, 2),
    ] {
        assert_eq!(edits(&value(a), &value(b)), expected, "{a} {b}");
    }
}
