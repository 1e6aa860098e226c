//! The schema's own checks, for objects that no API server has looked at: types, enums, bounds, required members.

mod told;

use std::collections::HashSet;

use serde_json::{Map, Number, Value};

use super::shape::{Shape, Unique};
use crate::{Problem, nodes::Path};

/// Everything about `value` that the schema refuses.
pub(crate) fn check(shape: &Shape, value: &Value, at: &Path<'_>, problems: &mut Vec<Problem>) {
    if !is_of_type(value, &shape.wanted) {
        problems.push(told::wrong_type(at, value, &shape.wanted));
        return;
    }
    if !shape.words.is_empty() && !shape.words.contains(value) {
        problems.push(told::not_supported(at, value, &shape.words));
    }
    match value {
        Value::String(text) => check_text(shape, text, at, problems),
        Value::Number(number) => check_number(shape, number, at, problems),
        Value::Array(items) => check_array(shape, items, at, problems),
        Value::Object(members) => check_object(shape, members, at, problems),
        Value::Null | Value::Bool(_) => {}
    }
}

fn check_text(shape: &Shape, text: &str, at: &Path<'_>, problems: &mut Vec<Problem>) {
    let length = || i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    // A text has at least as many bytes as characters, and few come near their bound.
    if let Some(most) = exceeded(shape.max_length, text.len())
        && length() > most
    {
        problems.push(told::too_long(at, text, length(), most));
    }
    if shape.min_length.is_some_and(|least| length() < least) {
        problems.push(told::empty(at));
    }
    if shape.is_time && text.parse::<jiff::Timestamp>().is_err() {
        problems.push(told::not_a_time(at, text));
    }
}

fn check_number(shape: &Shape, number: &Number, at: &Path<'_>, problems: &mut Vec<Problem>) {
    let Some(found) = number.as_f64() else { return };
    let (low, high) = shape.range;
    if found < low || found > high {
        problems.push(told::out_of_range(at, number, low, high));
    }
}

fn check_array(shape: &Shape, items: &[Value], at: &Path<'_>, problems: &mut Vec<Problem>) {
    if let Some(most) = exceeded(shape.max_items, items.len()) {
        problems.push(told::too_many(at, items.len(), most));
    }
    let Some(item_shape) = &shape.items else {
        return;
    };
    let repeats = !all_differ(&shape.unique, items);
    let mut seen = HashSet::new();
    for (n, item) in items.iter().enumerate() {
        let path = Path::Item(at, n);
        check(item_shape, item, &path, problems);
        if repeats && !seen.insert(identity(&shape.unique, item)) {
            problems.push(told::duplicate(&path, item));
        }
    }
}

/// Whether items are all there once as far as they have to be, which they nearly always are; false also where
/// more than one text tells them apart.
fn all_differ(unique: &Unique, items: &[Value]) -> bool {
    let texts: Option<Vec<&str>> = match unique {
        Unique::No => return true,
        Unique::Item => items.iter().map(Value::as_str).collect(),
        Unique::Keys(keys) => match keys.as_slice() {
            [key] => items.iter().map(|item| item.get(key)?.as_str()).collect(),
            _ => None,
        },
    };
    texts.is_some_and(|mut texts| {
        texts.sort_unstable();
        texts.is_sorted_by(|one, next| one < next)
    })
}

/// What may be there once: a set's item, or a map's key.
fn identity<'v>(unique: &Unique, item: &'v Value) -> Vec<Option<&'v Value>> {
    match unique {
        Unique::Keys(keys) => keys.iter().map(|key| item.get(key)).collect(),
        Unique::No | Unique::Item => vec![Some(item)],
    }
}

fn check_object(
    shape: &Shape,
    members: &Map<String, Value>,
    at: &Path<'_>,
    problems: &mut Vec<Problem>,
) {
    if let Some(most) = exceeded(shape.max_properties, members.len()) {
        problems.push(told::too_many(at, members.len(), most));
    }
    let missing = |name: &&String| !members.contains_key(*name);
    for name in shape.required.iter().filter(missing) {
        problems.push(told::required(shape.property(name), at, name));
    }
    for (name, member) in members {
        // Members that the schema doesn't know are pruned by the API server.
        if let Some(below) = shape.property(name).or(shape.values.as_deref()) {
            check(below, member, &Path::Member(at, name), problems);
        }
    }
}

fn exceeded(most: Option<i64>, found: usize) -> Option<i64> {
    most.filter(|most| usize::try_from(*most).is_ok_and(|most| found > most))
}

/// Members that the schema doesn't know, which `kubectl` and the API server's strict validation refuse.
pub(crate) fn unknown(shape: &Shape, value: &Value, at: &Path<'_>, problems: &mut Vec<Problem>) {
    match value {
        Value::Array(items) => {
            if let Some(shape) = &shape.items {
                for (n, item) in items.iter().enumerate() {
                    unknown(shape, item, &Path::Item(at, n), problems);
                }
            }
        }
        Value::Object(members) => {
            let Some(properties) = &shape.properties else {
                return;
            };
            for (name, member) in members {
                match properties.get(name) {
                    // The definition just bounds the name; the rest of it is every object's.
                    Some(_) if matches!(at, Path::Root) && name == "metadata" => {
                        unknown_metadata(member, &Path::Member(at, name), problems);
                    }
                    Some(property) => unknown(property, member, &Path::Member(at, name), problems),
                    None => problems.push(told::unknown_field(at, name, properties.keys())),
                }
            }
        }
        _ => {}
    }
}

/// The fields of ObjectMeta (Kubernetes API, `meta/v1`).
const METADATA: [&str; 15] = [
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

fn unknown_metadata(metadata: &Value, at: &Path<'_>, problems: &mut Vec<Problem>) {
    let known = METADATA.map(str::to_owned);
    for name in metadata.as_object().into_iter().flat_map(Map::keys) {
        if !known.contains(name) {
            problems.push(told::unknown_field(at, name, known.iter()));
        }
    }
}

fn is_of_type(value: &Value, wanted: &str) -> bool {
    match wanted {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    }
}
