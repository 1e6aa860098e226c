//! Time for calls that are under way when a pod ends.
//!
//! The kubelet ends a pod's containers first and its sidecars last, so only a hook on the
//! server's own container keeps the server up while calls finish. Managed servers get theirs
//! from the operator; the pods of others by annotation.

use crds::names;
use serde_json::{Map, Value, json};

use crate::code::{Code, Denial};
use crate::json::{annotation, at, list, number, raw, text};
use crate::ops::Ops;
use crate::uninject::{Before, is_empty};

/// Member of a pod's spec.
const GRACE: &str = "terminationGracePeriodSeconds";

/// Longer than any call should take.
const MOST: u32 = 3600;
/// What a pod needs after the drain: the server's own end and the proxy's.
const AFTER: i64 = 10;
/// Kubernetes' grace period where the pod names none.
const DEFAULT_GRACE: i64 = 30;

/// The seconds the pod asks for; `None` where it doesn't ask.
pub(crate) fn seconds(pod: &Value) -> Result<Option<u32>, Denial> {
    let Some(text) = annotation(pod, names::ANNOTATION_DRAIN_SECONDS) else {
        return Ok(None);
    };
    match text.parse() {
        Ok(seconds @ 1..=MOST) => Ok(Some(seconds)),
        _ => Err(Denial::new(
            Code::InvalidAnnotation,
            format!("metadata.annotations[{}]", names::ANNOTATION_DRAIN_SECONDS),
            format!("{text:?} isn't a number of seconds from 1 to {MOST}"),
            "write a whole number such as \"5\", or leave the annotation out",
        )),
    }
}

/// A preStop sleep for each container that has no hook of its own, and the grace that it takes.
pub(crate) fn add(ops: &mut Ops<'_>, pod: &Value, seconds: u32) {
    for (n, container) in list(pod, &["spec", "containers"]).iter().enumerate() {
        let index = n.to_string();
        let path = ["spec", "containers", index.as_str(), "lifecycle"];
        match at(container, &["lifecycle"]) {
            None => ops.set(path, json!({ "preStop": hook(seconds) })),
            Some(Value::Object(_)) if at(container, &["lifecycle", "preStop"]).is_none() => {
                ops.set(path.into_iter().chain(["preStop"]), hook(seconds));
            }
            Some(_) => (),
        }
    }
    if number(pod, &["spec", GRACE]).unwrap_or(DEFAULT_GRACE) < grace(seconds) {
        ops.set(["spec", GRACE], grace(seconds).into());
    }
}

/// What [`take_out`] couldn't tell from what [`add`] puts in.
pub(crate) fn note(pod: &Value, seconds: u32, before: &mut Before) {
    let hook = hook(seconds);
    for container in list(pod, &["spec", "containers"]) {
        let field = lifecycle_of(container);
        match container.get("lifecycle") {
            Some(Value::Object(lifecycle)) if !lifecycle.is_empty() => {
                let as_ours = |value: &&Value| value.is_null() || **value == hook;
                let found = lifecycle.get("preStop").filter(as_ours);
                before.note(format!("{field}.preStop"), found);
            }
            found => before.note(field, found.filter(is_empty)),
        }
    }
    let given = number(pod, &["spec", GRACE]).unwrap_or(DEFAULT_GRACE);
    let found = raw(pod, &["spec", GRACE]).filter(|_| given <= grace(seconds));
    before.note(format!("spec.{GRACE}"), found);
}

/// Takes out of a pod's spec what [`add`] put in.
pub(crate) fn take_out(spec: &mut Map<String, Value>, seconds: u32, before: &mut Before) {
    let containers = spec.get_mut("containers").and_then(Value::as_array_mut);
    for container in containers.into_iter().flatten() {
        let field = lifecycle_of(container);
        let Some(container) = container.as_object_mut() else {
            continue;
        };
        let Some(Value::Object(lifecycle)) = container.get_mut("lifecycle") else {
            continue;
        };
        if lifecycle.get("preStop") == Some(&hook(seconds)) {
            before.put_back(&format!("{field}.preStop"), lifecycle, "preStop");
            if lifecycle.is_empty() {
                before.put_back(&field, container, "lifecycle");
            }
        }
    }
    if spec.get(GRACE).and_then(Value::as_i64) == Some(grace(seconds)) {
        before.put_back(&format!("spec.{GRACE}"), spec, GRACE);
    }
}

fn hook(seconds: u32) -> Value {
    json!({ "sleep": { "seconds": seconds } })
}

fn grace(seconds: u32) -> i64 {
    i64::from(seconds) + AFTER
}

/// Path of a container's hooks.
fn lifecycle_of(container: &Value) -> String {
    let name = text(container, &["name"]);
    format!("spec.containers[{name}].lifecycle")
}
