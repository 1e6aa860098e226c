//! Reading raw objects: `null` is absent, as the API server has it, and a wrong type is absent too.

use crds::names;
use serde_json::Value;

/// A member that is there and not null.
pub(crate) fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value.get(name).filter(|found| !found.is_null())
}

/// The member at the end of `names`.
pub(crate) fn at<'a>(value: &'a Value, names: &[&str]) -> Option<&'a Value> {
    names
        .iter()
        .try_fold(value, |value, name| member(value, name))
}

/// The member at the end of `names`, null where it is null.
pub(crate) fn raw<'a>(value: &'a Value, names: &[&str]) -> Option<&'a Value> {
    names.iter().try_fold(value, |value, name| value.get(name))
}

/// The text at the end of `names`, empty where there is none.
pub(crate) fn text<'a>(value: &'a Value, names: &[&str]) -> &'a str {
    at(value, names).and_then(Value::as_str).unwrap_or_default()
}

/// The number at the end of `names`.
pub(crate) fn number(value: &Value, names: &[&str]) -> Option<i64> {
    at(value, names).and_then(Value::as_i64)
}

/// The truth value at the end of `names`, false where there is none.
pub(crate) fn flag(value: &Value, names: &[&str]) -> bool {
    at(value, names).and_then(Value::as_bool).unwrap_or(false)
}

/// The array at the end of `names`, empty where there is none.
pub(crate) fn list<'a>(value: &'a Value, names: &[&str]) -> &'a [Value] {
    at(value, names)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The array at the end of `names` as texts.
pub(crate) fn texts<'a>(value: &'a Value, names: &[&str]) -> Vec<&'a str> {
    list(value, names)
        .iter()
        .map(|item| item.as_str().unwrap_or_default())
        .collect()
}

/// An annotation's value.
pub(crate) fn annotation<'a>(pod: &'a Value, name: &str) -> Option<&'a str> {
    at(pod, &["metadata", "annotations", name]).and_then(Value::as_str)
}

/// Whether the pod carries the one label and value that put it behind a proxy.
pub fn is_governed(pod: &Value) -> bool {
    text(pod, &["metadata", "labels", names::LABEL_GATEWAY]) == names::GATEWAY_REQUIRED
}

/// The server a pod names, empty where it names none.
pub fn server_label(pod: &Value) -> &str {
    text(pod, &["metadata", "labels", names::LABEL_SERVER])
}
