//! Shapes that the API server never sends and files may have.
//!
//! Whatever is judged by its value is judged by its type here: a `hostNetwork: "yes"` that is read
//! as absent would pass.

use std::collections::HashSet;

use crds::names;
use serde_json::{Map, Value};

use crate::code::{Code, Denial};
use crate::intact::is_proxy;
use crate::json::{at, list, text};

/// What is wrong with the pod's JSON; `None` for every pod that the API server would read.
pub(crate) fn check(pod: &Value) -> Option<Denial> {
    lists(pod)
        .or_else(|| scalars(pod))
        .or_else(|| annotations(pod))
        .or_else(|| containers(pod))
}

fn invalid(field: impl Into<String>, message: &str) -> Option<Denial> {
    let remedy = "apply it once without the labels to see what the API server says";
    Some(Denial::new(Code::InvalidPod, field, message, remedy))
}

fn lists(pod: &Value) -> Option<Denial> {
    ["containers", "initContainers", "volumes"]
        .iter()
        .filter(|name| at(pod, &["spec", name]).is_some_and(|items| !items.is_array()))
        .find_map(|name| invalid(format!("spec.{name}"), "isn't a list"))
}

fn scalars(pod: &Value) -> Option<Denial> {
    let wrong = |name: &str, right: fn(&Value) -> bool| {
        at(pod, &["spec", name]).is_some_and(|value| !right(value))
    };
    let flags = ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"];
    if let Some(name) = flags.iter().find(|name| wrong(name, Value::is_boolean)) {
        return invalid(format!("spec.{name}"), "isn't true or false");
    }
    wrong("terminationGracePeriodSeconds", Value::is_i64)
        .then(|| invalid("spec.terminationGracePeriodSeconds", "isn't a whole number"))
        .flatten()
}

fn annotations(pod: &Value) -> Option<Denial> {
    const FIELD: &str = "metadata.annotations";
    let annotations = match at(pod, &["metadata", "annotations"])? {
        Value::Object(annotations) => annotations,
        _ => return invalid(FIELD, "isn't a map"),
    };
    let is_text = |value: &Value| value.is_string() || value.is_null();
    let odd = |annotations: &Map<String, Value>| {
        let mut members = annotations.iter();
        let (name, _) = members.find(|(_, value)| !is_text(value))?;
        Some(format!("{FIELD}[{name}]"))
    };
    invalid(odd(annotations)?, "isn't a text; write it in quotes")
}

fn containers(pod: &Value) -> Option<Denial> {
    let containers = list(pod, &["spec", "containers"]);
    if containers.is_empty() {
        return invalid("spec.containers", "has no container");
    }
    let mut seen = HashSet::new();
    for kind in ["containers", "initContainers"] {
        let items = list(pod, &["spec", kind]).iter();
        for container in items.filter(|container| !is_proxy(container)) {
            let name = text(container, &["name"]);
            if name.is_empty() {
                return invalid(format!("spec.{kind}"), "has a container without a name");
            }
            if !seen.insert(name) {
                let message = "has a container of a name that another one has";
                return invalid(format!("spec.{kind}[{name}]"), message);
            }
        }
    }
    containers.iter().any(is_proxy).then(|| {
        Denial::new(
            Code::NameConflict,
            format!("spec.containers[{}]", names::PROXY_CONTAINER),
            "a container has the proxy's name; the proxy is an init container and put in by the injector",
            "give the container another name",
        )
    })
}
