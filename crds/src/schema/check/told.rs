//! How the schema's refusals are told: the API server's own words say what is wrong, not what to write.

use serde_json::{Number, Value};

use super::Shape;
use crate::{Problem, nodes::Path, problem::shown};

fn told(
    code: &'static str,
    at: &Path<'_>,
    value: String,
    message: String,
    remedy: String,
) -> Problem {
    Problem {
        code,
        field: at.to_string(),
        value,
        message,
        remedy,
    }
}

pub(super) fn wrong_type(at: &Path<'_>, value: &Value, wanted: &str) -> Problem {
    let remedy = match (wanted, value) {
        ("string", Value::Number(_) | Value::Bool(_)) => format!("put it in quotes: \"{value}\""),
        ("integer", Value::String(_)) => "write a number without quotes".into(),
        ("boolean", _) => "write true or false, without quotes".into(),
        _ => format!("write {}", named(wanted)),
    };
    let message = format!("this is {}, not {}", type_of(value), named(wanted));
    told("wrong_type", at, shown(value), message, remedy)
}

pub(super) fn not_supported(at: &Path<'_>, value: &Value, words: &[Value]) -> Problem {
    let remedy = format!("write {}", one_of(words));
    told(
        "not_supported",
        at,
        shown(value),
        "this isn't one of the values known here".into(),
        remedy,
    )
}

pub(super) fn too_long(at: &Path<'_>, text: &str, length: i64, most: i64) -> Problem {
    let message = format!("this has {length} characters");
    told(
        "too_long",
        at,
        shown(&text.into()),
        message,
        format!("write at most {most}"),
    )
}

pub(super) fn empty(at: &Path<'_>) -> Problem {
    told(
        "required",
        at,
        String::new(),
        "this is empty".into(),
        "write a value".into(),
    )
}

pub(super) fn not_a_time(at: &Path<'_>, text: &str) -> Problem {
    let message = "this isn't a time as RFC 3339 writes it".into();
    told(
        "not_a_time",
        at,
        shown(&text.into()),
        message,
        "write a time such as 2026-01-02T15:04:05Z".into(),
    )
}

pub(super) fn out_of_range(at: &Path<'_>, number: &Number, low: f64, high: f64) -> Problem {
    let remedy = format!("write a number from {low} to {high}");
    told(
        "out_of_range",
        at,
        number.to_string(),
        "this is out of range".into(),
        remedy,
    )
}

pub(super) fn duplicate(at: &Path<'_>, item: &Value) -> Problem {
    let (at, value) = match item.get("name") {
        Some(name) => (Path::Member(at, "name"), name),
        None => (*at, item),
    };
    told(
        "duplicate",
        &at,
        shown(value),
        "this is there twice".into(),
        "write it once".into(),
    )
}

pub(super) fn too_many(at: &Path<'_>, found: usize, most: i64) -> Problem {
    told(
        "too_many",
        at,
        String::new(),
        format!("there are {found}"),
        format!("write at most {most}"),
    )
}

pub(super) fn required(property: Option<&Shape>, at: &Path<'_>, name: &str) -> Problem {
    let words = property.map_or(&[][..], |property| &property.words);
    let remedy = match words {
        [] => format!("write {name}"),
        words => format!("write {name}: {}", one_of(words)),
    };
    told(
        "required",
        &Path::Member(at, name),
        String::new(),
        format!("{name} is required"),
        remedy,
    )
}

pub(super) fn unknown_field<'a>(
    at: &Path<'_>,
    name: &str,
    mut known: impl Iterator<Item = &'a String>,
) -> Problem {
    let remedy = match known.find(|known| known.eq_ignore_ascii_case(name)) {
        Some(similar) => format!("write {similar}"),
        None => "leave it out; kubectl explain shows the fields there are".into(),
    };
    told(
        "unknown_field",
        &Path::Member(at, name),
        String::new(),
        "there is no such field".into(),
        remedy,
    )
}

fn one_of(words: &[Value]) -> String {
    let words: Vec<&str> = words.iter().filter_map(|word| word.as_str()).collect();
    match words.as_slice() {
        [word] => (*word).to_owned(),
        words => format!("one of {}", words.join(", ")),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn named(wanted: &str) -> &'static str {
    match wanted {
        "string" => "a string",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        _ => "an object",
    }
}
