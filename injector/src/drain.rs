//! Time for calls that are under way when a pod ends.
//!
//! The kubelet ends a pod's containers first and its sidecars last, so only a hook on the
//! server's own container keeps the server up while calls finish. Managed servers get theirs
//! from the operator; the pods of others by annotation.

use crds::names;
use serde_json::{Value, json};

use crate::code::{Code, Denial};
use crate::json::{annotation, at, list, number};
use crate::ops::Ops;

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
        let hook = json!({ "sleep": { "seconds": seconds } });
        let index = n.to_string();
        let path = ["spec", "containers", index.as_str(), "lifecycle"];
        match at(container, &["lifecycle"]) {
            None => ops.set(path, json!({ "preStop": hook })),
            Some(Value::Object(_)) if at(container, &["lifecycle", "preStop"]).is_none() => {
                ops.set(path.into_iter().chain(["preStop"]), hook);
            }
            Some(_) => (),
        }
    }
    let path = ["spec", "terminationGracePeriodSeconds"];
    let needed = i64::from(seconds) + AFTER;
    if number(pod, &path).unwrap_or(DEFAULT_GRACE) < needed {
        ops.set(path, needed.into());
    }
}
