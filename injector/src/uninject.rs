//! The way back: a pod with a proxy, and the pod that it was.
//!
//! What injection puts in is known by name, so it is taken out by name. What can't be told from
//! the result is written down when it is put in: values that were replaced, parents that were
//! there and empty, and members that were there already as we would have made them. Few pods
//! have any of these, and only those carry the note.

use std::collections::BTreeMap;

use crds::names;
use serde_json::{Map, Value};

use crate::drain;
use crate::inject::{DEFAULT_CONTAINER, default_container};
use crate::intact::is_proxy;
use crate::json::{annotation, list, raw, text};

/// What injection adds to the lists of a pod's spec.
const LISTS: [(&str, &[&str]); 2] = [
    ("initContainers", &[names::PROXY_CONTAINER]),
    ("volumes", &[names::POLICY_VOLUME, names::TOKENS_VOLUME]),
];
/// The annotations that injection writes whatever was there.
const WRITTEN: [&str; 2] = [names::ANNOTATION_INJECTED, names::ANNOTATION_INJECTED_OVER];

/// A pod can't be taken back to what it was.
#[derive(Debug, thiserror::Error)]
pub enum UninjectError {
    /// Its container mcp-proxy may be anybody's.
    #[error(
        "container mcp-proxy without annotation {}: it wasn't put in by the injector",
        names::ANNOTATION_INJECTED
    )]
    NotInjected,
    /// What was there before isn't known.
    #[error("reading annotation {}", names::ANNOTATION_INJECTED_OVER)]
    Before(#[source] serde_json::Error),
}

/// Takes out what [`inject`](crate::inject()) put into a pod, or into a pod template.
///
/// The exact inverse: of what was injected into a pod without a proxy it gives that pod, byte for
/// byte, with its members in their order. What others changed since stays. A pod without a
/// proxy is given back as it is.
///
/// # Errors
/// [`UninjectError`] when the proxy isn't the injector's, or its note can't be read.
pub fn uninject(pod: &Value) -> Result<Value, UninjectError> {
    if !list(pod, &["spec", "initContainers"]).iter().any(is_proxy) {
        return Ok(pod.clone());
    }
    if annotation(pod, names::ANNOTATION_INJECTED).is_none() {
        return Err(UninjectError::NotInjected);
    }
    let mut before = match annotation(pod, names::ANNOTATION_INJECTED_OVER) {
        Some(note) => serde_json::from_str(note).map_err(UninjectError::Before)?,
        None => Before::default(),
    };
    let seconds = drain::seconds(pod).ok().flatten();
    let default_container = default_container(pod).to_owned();
    let mut pod = pod.clone();
    if let Some(spec) = pod.get_mut("spec").and_then(Value::as_object_mut) {
        take_out_items(spec, &mut before);
        if let Some(seconds) = seconds {
            drain::take_out(spec, seconds, &mut before);
        }
    }
    if let Some(metadata) = pod.get_mut("metadata").and_then(Value::as_object_mut) {
        take_out_annotations(metadata, &default_container, &mut before);
    }
    Ok(pod)
}

/// What a pod without a proxy has in the places that injection writes to, as far as taking out
/// what was put in wouldn't bring it back; `None` where there is nothing of the kind.
pub(crate) fn note(pod: &Value, drain_seconds: Option<u32>) -> Option<String> {
    let mut before = Before::default();
    for (name, ours) in LISTS {
        let field = format!("spec.{name}");
        before.note(&field, raw(pod, &["spec", name]).filter(is_empty));
        for item in list(pod, &["spec", name]) {
            let name = text(item, &["name"]);
            before.note(item_of(&field, name), ours.contains(&name).then_some(item));
        }
    }
    let annotations = raw(pod, &["metadata", "annotations"]);
    before.note("metadata.annotations", annotations.filter(is_empty));
    let annotation = |name: &str| annotations.and_then(|annotations| annotations.get(name));
    for name in WRITTEN {
        before.note(annotation_field(name), annotation(name));
    }
    let default = default_container(pod);
    let as_ours = |value: &&Value| value.is_null() || value.as_str() == Some(default);
    let found = annotation(DEFAULT_CONTAINER).filter(as_ours);
    before.note(annotation_field(DEFAULT_CONTAINER), found);
    if let Some(seconds) = drain_seconds {
        drain::note(pod, seconds, &mut before);
    }
    before.written()
}

fn take_out_items(spec: &mut Map<String, Value>, before: &mut Before) {
    for (name, ours) in LISTS {
        let field = format!("spec.{name}");
        let Some(items) = spec.get_mut(name).and_then(Value::as_array_mut) else {
            continue;
        };
        items.retain(|item| {
            let name = text(item, &["name"]);
            !ours.contains(&name) || before.has(&item_of(&field, name))
        });
        if items.is_empty() {
            before.put_back(&field, spec, name);
        }
    }
}

fn take_out_annotations(
    metadata: &mut Map<String, Value>,
    default_container: &str,
    before: &mut Before,
) {
    let Some(Value::Object(annotations)) = metadata.get_mut("annotations") else {
        return;
    };
    for name in WRITTEN {
        before.put_back(&annotation_field(name), annotations, name);
    }
    let found = annotations.get(DEFAULT_CONTAINER).and_then(Value::as_str);
    if found == Some(default_container) {
        let field = annotation_field(DEFAULT_CONTAINER);
        before.put_back(&field, annotations, DEFAULT_CONTAINER);
    }
    if annotations.is_empty() {
        before.put_back("metadata.annotations", metadata, "annotations");
    }
}

/// Whether taking out all that was added to it leaves this, or could leave nothing.
pub(crate) fn is_empty(value: &&Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

fn item_of(list: &str, name: &str) -> String {
    format!("{list}[{name}]")
}

fn annotation_field(name: &str) -> String {
    item_of("metadata.annotations", name)
}

/// Field paths, and what was there before. Containers are told by name: others may put theirs
/// between them later.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct Before(BTreeMap<String, Value>);

impl Before {
    /// Remembers what was there, if anything.
    pub(crate) fn note(&mut self, field: impl Into<String>, found: Option<&Value>) {
        if let Some(value) = found {
            self.0.insert(field.into(), value.clone());
        }
    }

    fn has(&self, field: &str) -> bool {
        self.0.contains_key(field)
    }

    /// Gives a member the value it had, in the place it had, or takes it out.
    pub(crate) fn put_back(&mut self, field: &str, object: &mut Map<String, Value>, name: &str) {
        match self.0.remove(field) {
            Some(value) => object.insert(name.to_owned(), value),
            // The other kind of removal puts the last member in the place of the one removed.
            None => object.shift_remove(name),
        };
    }

    fn written(self) -> Option<String> {
        let members: Map<String, Value> = self.0.into_iter().collect();
        (!members.is_empty()).then(|| Value::from(members).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn stamped(annotations: Value) -> Value {
        json!({
            "metadata": {"annotations": annotations},
            "spec": {"containers": [{"name": "c"}], "initContainers": [{"name": "mcp-proxy"}]},
        })
    }

    #[test]
    fn a_pod_without_a_proxy_is_given_back_as_it_is() {
        for pod in [
            json!({}),
            json!(null),
            json!({"spec": {"initContainers": [{"name": "mine"}]}}),
        ] {
            assert_eq!(uninject(&pod).unwrap(), pod);
        }
    }

    #[test]
    fn a_proxy_that_no_injector_stamped_stays() {
        let error = uninject(&stamped(json!({}))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "container mcp-proxy without annotation mcpruntime.org/injected: it wasn't put in by the injector"
        );
    }

    #[test]
    fn a_note_that_cannot_be_read_is_an_error_and_nothing_is_guessed() {
        let pod = stamped(json!({
            "mcpruntime.org/injected": "0.1.0@0",
            "mcpruntime.org/injected-over": "[",
        }));
        let error = uninject(&pod).unwrap_err();
        assert_eq!(
            error.to_string(),
            "reading annotation mcpruntime.org/injected-over"
        );
    }

    #[test]
    fn what_others_added_since_stays() {
        let mut pod = stamped(json!({"mcpruntime.org/injected": "0.1.0@0", "mesh": "on"}));
        pod["spec"]["initContainers"] = json!([{"name": "mesh"}, {"name": "mcp-proxy"}]);
        let expected = json!({
            "metadata": {"annotations": {"mesh": "on"}},
            "spec": {"containers": [{"name": "c"}], "initContainers": [{"name": "mesh"}]},
        });
        assert_eq!(uninject(&pod).unwrap(), expected);
    }
}
