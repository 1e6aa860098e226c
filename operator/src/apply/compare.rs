//! Whether a server-side apply would change anything, told from the live object alone.
//!
//! Two questions, both pure: is all that we want there ([`covered`]), and do we own nothing that
//! we don't want any more ([`outgrown`], from managedFields)? No hash is stored beside the object:
//! what others change is seen, what others add is left alone, and a restart applies nothing.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use serde_json::{Map, Value};

use super::quantity::same_quantity;

/// Whether applying `desired` over `live` would leave it as it is.
pub(crate) fn unchanged(desired: &Value, live: &Value, ours: &ManagedFieldsEntry) -> bool {
    let fields = ours.fields_v1.as_ref().map(|fields| &fields.0);
    covered(desired, live) && !fields.is_some_and(|fields| outgrown(fields, desired))
}

/// Everything in `desired` is in `live`. Defaults and other managers' additions don't count.
fn covered(desired: &Value, live: &Value) -> bool {
    match (desired, live) {
        (Value::Object(desired), Value::Object(live)) => desired.iter().all(|(key, wanted)| {
            let found = live.get(key).unwrap_or(&Value::Null);
            match (key.as_str(), wanted, found) {
                ("limits" | "requests", Value::Object(wanted), Value::Object(found)) => {
                    same_quantities(wanted, found)
                }
                _ => covered(wanted, found),
            }
        }),
        (Value::Array(desired), Value::Array(live)) => covered_list(desired, live),
        // An empty list or object and none at all are the same to the API server.
        (Value::Array(empty), Value::Null) => empty.is_empty(),
        (Value::Object(empty), Value::Null) => empty.is_empty(),
        (Value::Null, _) => true,
        (desired, live) => desired == live,
    }
}

fn covered_list(desired: &[Value], live: &[Value]) -> bool {
    match list_key(desired) {
        Some(key) => desired.iter().all(|wanted| {
            let found = live.iter().find(|found| found.get(key) == wanted.get(key));
            found.is_some_and(|found| covered(wanted, found))
        }),
        None => {
            desired.len() == live.len()
                && desired
                    .iter()
                    .zip(live)
                    .all(|(wanted, found)| covered(wanted, found))
        }
    }
}

/// What the elements of a list that several managers share are told apart by. The lists of the
/// objects we apply have one of two keys, or are atomic.
fn list_key(desired: &[Value]) -> Option<&'static str> {
    ["name", "uid"].into_iter().find(|key| {
        !desired.is_empty() && desired.iter().all(|element| element.get(*key).is_some())
    })
}

fn same_quantities(desired: &Map<String, Value>, live: &Map<String, Value>) -> bool {
    desired.len() == live.len()
        && desired.iter().all(|(key, wanted)| {
            let found = live.get(key).and_then(Value::as_str);
            wanted
                .as_str()
                .zip(found)
                .is_some_and(|(a, b)| same_quantity(a, b))
        })
}

/// Whether `fields` (the `fieldsV1` form of KEP-555) has something that `desired` has not.
fn outgrown(fields: &Value, desired: &Value) -> bool {
    let Value::Object(fields) = fields else {
        return false;
    };
    fields
        .iter()
        .any(|(path, below)| match path.split_once(':') {
            Some(("f", name)) => missing(desired.get(name), below),
            Some(("k", key)) => missing(element(desired, key), below),
            Some(("v", value)) => !has_value(desired, value),
            _ => false,
        })
}

fn missing(found: Option<&Value>, below: &Value) -> bool {
    found.is_none_or(|found| outgrown(below, found))
}

/// The element of a list that has every member of the JSON object `key`.
fn element<'a>(list: &'a Value, key: &str) -> Option<&'a Value> {
    let key: Map<String, Value> = serde_json::from_str(key).ok()?;
    list.as_array()?.iter().find(|element| {
        key.iter()
            .all(|(name, value)| element.get(name) == Some(value))
    })
}

fn has_value(list: &Value, value: &str) -> bool {
    let value: Option<Value> = serde_json::from_str(value).ok();
    let found = list.as_array().zip(value);
    found.is_some_and(|(list, value)| list.contains(&value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::FieldsV1;
    use serde_json::json;

    fn ours(fields: Value) -> ManagedFieldsEntry {
        ManagedFieldsEntry {
            fields_v1: Some(FieldsV1(fields)),
            ..ManagedFieldsEntry::default()
        }
    }

    fn desired() -> Value {
        json!({
            "metadata": { "labels": { "app": "x" } },
            "spec": {
                "replicas": 2,
                "containers": [{ "name": "x", "image": "i", "resources": { "limits": { "cpu": "0.5" } } }],
                "rules": [{ "host": "h" }],
                "pullSecrets": [],
            }
        })
    }

    fn fields() -> Value {
        json!({
            "f:metadata": { "f:labels": { "f:app": {} } },
            "f:spec": {
                "f:replicas": {},
                "f:containers": { "k:{\"name\":\"x\"}": {
                    ".": {}, "f:name": {}, "f:image": {}, "f:resources": { "f:limits": { "f:cpu": {} } }
                } },
                "f:rules": {},
            }
        })
    }

    /// `desired` as the API server would have it, with defaults and another manager's container.
    fn live() -> Value {
        json!({
            "metadata": { "labels": { "app": "x", "theirs": "y" }, "uid": "u" },
            "spec": {
                "replicas": 2,
                "paused": false,
                "containers": [
                    { "name": "theirs", "image": "t" },
                    { "name": "x", "image": "i", "imagePullPolicy": "Always",
                      "resources": { "limits": { "cpu": "500m" } } },
                ],
                "rules": [{ "host": "h", "http": null }],
            }
        })
    }

    #[test]
    fn defaults_and_additions_of_others_are_no_change() {
        assert!(unchanged(&desired(), &live(), &ours(fields())));
    }

    #[test]
    fn a_value_that_someone_else_changed_is_a_change() {
        let mut live = live();
        live["spec"]["containers"][1]["image"] = json!("other");
        assert!(!unchanged(&desired(), &live, &ours(fields())));
    }

    #[test]
    fn a_removed_label_is_a_change() {
        let mut live = live();
        live["metadata"]["labels"]
            .as_object_mut()
            .unwrap()
            .remove("app");
        assert!(!unchanged(&desired(), &live, &ours(fields())));
    }

    #[test]
    fn an_addition_to_a_list_that_is_ours_as_a_whole_is_a_change() {
        let mut live = live();
        live["spec"]["rules"]
            .as_array_mut()
            .unwrap()
            .push(json!({ "host": "evil" }));
        assert!(!unchanged(&desired(), &live, &ours(fields())));
    }

    #[test]
    fn a_field_that_we_own_and_do_not_want_any_more_is_a_change() {
        let (mut fields, mut live) = (fields(), live());
        fields["f:spec"]["f:strategy"] = json!({ "f:type": {} });
        live["spec"]["strategy"] = json!({ "type": "Recreate" });
        assert!(!unchanged(&desired(), &live, &ours(fields)));
    }

    #[test]
    fn a_list_element_that_we_own_and_do_not_want_any_more_is_a_change() {
        let mut fields = fields();
        fields["f:spec"]["f:containers"]["k:{\"name\":\"theirs\"}"] = json!({ "f:image": {} });
        assert!(!unchanged(&desired(), &live(), &ours(fields)));
    }

    #[test]
    fn a_value_of_a_set_that_we_own_and_do_not_want_any_more_is_a_change() {
        let desired = json!({ "metadata": { "finalizers": ["a"] } });
        let live = json!({ "metadata": { "finalizers": ["a", "b"] } });
        let one = json!({ "f:metadata": { "f:finalizers": { ".": {}, "v:\"a\"": {} } } });
        let two =
            json!({ "f:metadata": { "f:finalizers": { ".": {}, "v:\"a\"": {}, "v:\"b\"": {} } } });
        // Scalar lists are compared whole, so the live one must be ours alone.
        assert!(unchanged(
            &desired,
            &json!({ "metadata": { "finalizers": ["a"] } }),
            &ours(one)
        ));
        assert!(!unchanged(&desired, &live, &ours(two)));
    }
}
