//! The schema's own checks, for objects that no API server has looked at: types, enums, bounds, required members.

mod told;

use std::collections::HashSet;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use serde_json::{Map, Number, Value};

use crate::{Problem, nodes::Path};

/// Everything about `value` that the schema refuses.
pub(crate) fn check(
    schema: &JSONSchemaProps,
    value: &Value,
    at: &Path<'_>,
    problems: &mut Vec<Problem>,
) {
    let wanted = schema.type_.as_deref().unwrap_or_default();
    if !is_of_type(value, wanted) {
        problems.push(told::wrong_type(at, value, wanted));
        return;
    }
    if let Some(words) = &schema.enum_
        && !words.iter().any(|word| word.0 == *value)
    {
        problems.push(told::not_supported(at, value, words));
    }
    match value {
        Value::String(text) => check_text(schema, text, at, problems),
        Value::Number(number) => check_number(schema, number, at, problems),
        Value::Array(items) => check_array(schema, items, at, problems),
        Value::Object(members) => check_object(schema, members, at, problems),
        Value::Null | Value::Bool(_) => {}
    }
}

fn check_text(schema: &JSONSchemaProps, text: &str, at: &Path<'_>, problems: &mut Vec<Problem>) {
    let length = || i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    // A text has at least as many bytes as characters, and few come near their bound.
    if let Some(most) = schema.max_length
        && exceeded(Some(most), text.len()).is_some()
        && length() > most
    {
        problems.push(told::too_long(at, text, length(), most));
    }
    if schema.min_length.is_some_and(|least| length() < least) {
        problems.push(told::empty(at));
    }
    if schema.format.as_deref() == Some("date-time") && text.parse::<jiff::Timestamp>().is_err() {
        problems.push(told::not_a_time(at, text));
    }
}

fn check_number(
    schema: &JSONSchemaProps,
    number: &Number,
    at: &Path<'_>,
    problems: &mut Vec<Problem>,
) {
    let Some(found) = number.as_f64() else { return };
    let (low, high) = match schema.format.as_deref() {
        Some("int32") => (f64::from(i32::MIN), f64::from(i32::MAX)),
        _ => (f64::MIN, f64::MAX),
    };
    let low = schema.minimum.unwrap_or(low);
    let high = schema.maximum.unwrap_or(high);
    if found < low || found > high {
        problems.push(told::out_of_range(at, number, low, high));
    }
}

fn check_array(
    schema: &JSONSchemaProps,
    items: &[Value],
    at: &Path<'_>,
    problems: &mut Vec<Problem>,
) {
    if let Some(most) = exceeded(schema.max_items, items.len()) {
        problems.push(told::too_many(at, items.len(), most));
    }
    let Some(JSONSchemaPropsOrArray::Schema(item_schema)) = &schema.items else {
        return;
    };
    let unique = schema.x_kubernetes_list_type.is_some() && !all_differ(schema, items);
    let mut seen = HashSet::new();
    for (n, item) in items.iter().enumerate() {
        let path = Path::Item(at, n);
        check(item_schema, item, &path, problems);
        if unique && !seen.insert(identity(schema, item)) {
            problems.push(told::duplicate(&path, item));
        }
    }
}

/// Whether items that are told apart by one text each are all there once, which they nearly always are.
fn all_differ(schema: &JSONSchemaProps, items: &[Value]) -> bool {
    let texts: Option<Vec<&str>> = items.iter().map(|item| text_of(schema, item)).collect();
    texts.is_some_and(|mut texts| {
        texts.sort_unstable();
        texts.is_sorted_by(|one, next| one < next)
    })
}

fn text_of<'v>(schema: &JSONSchemaProps, item: &'v Value) -> Option<&'v str> {
    match schema.x_kubernetes_list_map_keys.as_deref() {
        Some([key]) => item.get(key)?.as_str(),
        Some(_) => None,
        None => item.as_str(),
    }
}

/// What may be there once: a set's item, or a map's key.
fn identity<'v>(schema: &JSONSchemaProps, item: &'v Value) -> Vec<Option<&'v Value>> {
    match schema.x_kubernetes_list_map_keys.as_deref() {
        Some(keys) => keys.iter().map(|key| item.get(key)).collect(),
        None => vec![Some(item)],
    }
}

fn check_object(
    schema: &JSONSchemaProps,
    members: &Map<String, Value>,
    at: &Path<'_>,
    problems: &mut Vec<Problem>,
) {
    if let Some(most) = exceeded(schema.max_properties, members.len()) {
        problems.push(told::too_many(at, members.len(), most));
    }
    for name in schema
        .required
        .iter()
        .flatten()
        .filter(|name| !members.contains_key(*name))
    {
        problems.push(told::required(schema, at, name));
    }
    for (name, member) in members {
        let property = schema
            .properties
            .as_ref()
            .and_then(|properties| properties.get(name));
        match (property, &schema.additional_properties) {
            (Some(property), _) => check(property, member, &Path::Member(at, name), problems),
            (None, Some(JSONSchemaPropsOrBool::Schema(values))) => {
                check(values, member, &Path::Member(at, name), problems);
            }
            // Members that the schema doesn't know are pruned by the API server.
            (None, _) => {}
        }
    }
}

fn exceeded(most: Option<i64>, found: usize) -> Option<i64> {
    most.filter(|most| usize::try_from(*most).is_ok_and(|most| found > most))
}

/// Members that the schema doesn't know, which `kubectl` and the API server's strict validation refuse.
pub(crate) fn unknown(
    schema: &JSONSchemaProps,
    value: &Value,
    at: &Path<'_>,
    problems: &mut Vec<Problem>,
) {
    match value {
        Value::Array(items) => {
            if let Some(JSONSchemaPropsOrArray::Schema(schema)) = &schema.items {
                for (n, item) in items.iter().enumerate() {
                    unknown(schema, item, &Path::Item(at, n), problems);
                }
            }
        }
        Value::Object(members) => {
            let Some(properties) = &schema.properties else {
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
