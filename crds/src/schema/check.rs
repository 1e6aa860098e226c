//! The schema's own checks, for objects that no API server has looked at: types, enums, bounds, required members.

use std::collections::HashSet;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use serde_json::Value;

use crate::{Problem, nodes, problem::shown};

/// Everything about `value` that the schema refuses.
pub(crate) fn check(
    schema: &JSONSchemaProps,
    value: &Value,
    at: &str,
    problems: &mut Vec<Problem>,
) {
    let mut refuse = |code, message: String, remedy: String| {
        problems.push(Problem {
            code,
            field: at.to_owned(),
            value: shown(value),
            message,
            remedy,
        });
    };
    let wanted = schema.type_.as_deref().unwrap_or_default();
    if !is_of_type(value, wanted) {
        let found = type_of(value);
        refuse(
            "wrong_type",
            format!("this is {found}, not {}", named(wanted)),
            remedy_for_type(wanted, value),
        );
        return;
    }
    if let Some(words) = &schema.enum_
        && !words.iter().any(|word| word.0 == *value)
    {
        let words: Vec<&str> = words.iter().filter_map(|word| word.0.as_str()).collect();
        refuse(
            "not_supported",
            "this isn't one of the values known here".into(),
            format!("write {}", one_of(&words)),
        );
    }
    match value {
        Value::String(text) => check_text(schema, text, &mut refuse),
        Value::Number(number) => check_number(schema, number, &mut refuse),
        Value::Array(items) => check_array(schema, items, at, problems),
        Value::Object(members) => check_object(schema, members, at, problems),
        Value::Null | Value::Bool(_) => {}
    }
}

fn check_text(
    schema: &JSONSchemaProps,
    text: &str,
    refuse: &mut impl FnMut(&'static str, String, String),
) {
    let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    if let Some(most) = schema.max_length.filter(|most| length > *most) {
        refuse(
            "too_long",
            format!("this has {length} characters"),
            format!("write at most {most}"),
        );
    }
    if schema.min_length.is_some_and(|least| length < least) {
        refuse("required", "this is empty".into(), "write a value".into());
    }
    if schema.format.as_deref() == Some("date-time") && text.parse::<jiff::Timestamp>().is_err() {
        refuse(
            "not_a_time",
            "this isn't a time as RFC 3339 writes it".into(),
            "write a time such as 2026-01-02T15:04:05Z".into(),
        );
    }
}

fn check_number(
    schema: &JSONSchemaProps,
    number: &serde_json::Number,
    refuse: &mut impl FnMut(&'static str, String, String),
) {
    let Some(number) = number.as_f64() else {
        return;
    };
    let (low, high) = match schema.format.as_deref() {
        Some("int32") => (f64::from(i32::MIN), f64::from(i32::MAX)),
        _ => (f64::MIN, f64::MAX),
    };
    let low = schema.minimum.unwrap_or(low);
    let high = schema.maximum.unwrap_or(high);
    if number < low || number > high {
        refuse(
            "out_of_range",
            "this is out of range".into(),
            format!("write a number from {low} to {high}"),
        );
    }
}

fn check_array(schema: &JSONSchemaProps, items: &[Value], at: &str, problems: &mut Vec<Problem>) {
    if let Some(most) = schema
        .max_items
        .filter(|most| usize::try_from(*most).is_ok_and(|most| items.len() > most))
    {
        problems.push(too_many(at, items.len(), most));
    }
    let Some(JSONSchemaPropsOrArray::Schema(item_schema)) = &schema.items else {
        return;
    };
    let mut seen = HashSet::new();
    for (n, item) in items.iter().enumerate() {
        let path = format!("{at}[{n}]");
        check(item_schema, item, &path, problems);
        if !seen.insert(identity(schema, item)) && schema.x_kubernetes_list_type.is_some() {
            let field = if item.is_object() {
                format!("{path}.name")
            } else {
                path
            };
            let value = item.get("name").unwrap_or(item);
            problems.push(Problem {
                code: "duplicate",
                field,
                value: shown(value),
                message: "this is there twice".into(),
                remedy: "write it once".into(),
            });
        }
    }
}

/// What may be there once: a set's item, or a map's key.
fn identity(schema: &JSONSchemaProps, item: &Value) -> String {
    match schema.x_kubernetes_list_map_keys.as_deref() {
        Some(keys) => keys
            .iter()
            .filter_map(|key| item.get(key))
            .map(Value::to_string)
            .collect(),
        None => item.to_string(),
    }
}

fn check_object(
    schema: &JSONSchemaProps,
    members: &serde_json::Map<String, Value>,
    at: &str,
    problems: &mut Vec<Problem>,
) {
    if let Some(most) = schema
        .max_properties
        .filter(|most| usize::try_from(*most).is_ok_and(|most| members.len() > most))
    {
        problems.push(too_many(at, members.len(), most));
    }
    for name in schema
        .required
        .iter()
        .flatten()
        .filter(|name| !members.contains_key(*name))
    {
        problems.push(Problem {
            code: "required",
            field: nodes::join(at, name),
            value: String::new(),
            message: format!("{name} is required"),
            remedy: remedy_for_member(schema, name),
        });
    }
    for (name, member) in members {
        let path = nodes::join(at, name);
        match (
            schema
                .properties
                .as_ref()
                .and_then(|properties| properties.get(name)),
            &schema.additional_properties,
        ) {
            (Some(property), _) => check(property, member, &path, problems),
            (None, Some(JSONSchemaPropsOrBool::Schema(values))) => {
                check(values, member, &path, problems)
            }
            // Members that the schema doesn't know are pruned by the API server.
            (None, _) => {}
        }
    }
}

/// Members that the schema doesn't know, which `kubectl` and the API server's strict validation refuse.
pub(crate) fn unknown(
    schema: &JSONSchemaProps,
    value: &Value,
    at: &str,
    problems: &mut Vec<Problem>,
) {
    match value {
        Value::Array(items) => {
            if let Some(JSONSchemaPropsOrArray::Schema(schema)) = &schema.items {
                for (n, item) in items.iter().enumerate() {
                    unknown(schema, item, &format!("{at}[{n}]"), problems);
                }
            }
        }
        Value::Object(members) => {
            let Some(properties) = &schema.properties else {
                return;
            };
            for (name, member) in members {
                let path = nodes::join(at, name);
                match properties.get(name) {
                    // The API server knows everything about metadata; the definition just bounds the name.
                    Some(_) if path == "metadata" => {}
                    Some(property) => unknown(property, member, &path, problems),
                    None => problems.push(unknown_field(path, name, properties.keys())),
                }
            }
        }
        _ => {}
    }
}

fn unknown_field<'a>(
    path: String,
    name: &str,
    mut known: impl Iterator<Item = &'a String>,
) -> Problem {
    let similar = known.find(|known| known.eq_ignore_ascii_case(name));
    Problem {
        code: "unknown_field",
        field: path,
        value: String::new(),
        message: "there is no such field".into(),
        remedy: match similar {
            Some(similar) => format!("write {similar}"),
            None => "leave it out; kubectl explain shows the fields there are".into(),
        },
    }
}

fn too_many(at: &str, found: usize, most: i64) -> Problem {
    Problem {
        code: "too_many",
        field: at.to_owned(),
        value: String::new(),
        message: format!("there are {found}"),
        remedy: format!("write at most {most}"),
    }
}

fn remedy_for_member(schema: &JSONSchemaProps, name: &str) -> String {
    let property = schema
        .properties
        .as_ref()
        .and_then(|properties| properties.get(name));
    let words: Vec<&str> = property
        .and_then(|property| property.enum_.as_ref())
        .map(|words| words.iter().filter_map(|word| word.0.as_str()).collect())
        .unwrap_or_default();
    if words.is_empty() {
        format!("write {name}")
    } else {
        format!("write {name}: {}", one_of(&words))
    }
}

fn one_of(words: &[&str]) -> String {
    match words {
        [word] => (*word).to_owned(),
        words => format!("one of {}", words.join(", ")),
    }
}

fn remedy_for_type(wanted: &str, value: &Value) -> String {
    match (wanted, value) {
        ("string", Value::Number(_) | Value::Bool(_)) => format!("put it in quotes: \"{value}\""),
        ("integer", Value::String(_)) => "write the number without quotes".into(),
        ("boolean", _) => "write true or false, without quotes".into(),
        _ => format!("write {}", named(wanted)),
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
