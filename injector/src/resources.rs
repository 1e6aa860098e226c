//! Resources of a pod as a whole (KEP-2837).
//!
//! Where a pod has them, the API server refuses it if its containers ask for more. Kubernetes
//! fills in what a pod doesn't say from its containers before anything is injected, so that the
//! proxy can be one too many in a pod whose author gave no request at all; the API server's
//! message would then name a container that isn't in the manifest.

use std::borrow::Cow;

use crds::{Quantity, names};
use k8s_openapi::api::core::v1::ResourceRequirements;
use serde_json::Value;

use crate::amounts;
use crate::code::{Code, Denial};
use crate::intact::is_sidecar;
use crate::json::{at, list};
use crate::quantity::written;

/// What keeps a proxy that is given `resources` out of a pod without one.
pub(crate) fn check(pod: &Value, resources: &ResourceRequirements) -> Option<Denial> {
    // The others have to be a node's, and a pod can't ask for them as a whole.
    ["cpu", "memory"]
        .iter()
        .find_map(|resource| exceeded(pod, resources, resource))
}

fn exceeded(pod: &Value, resources: &ResourceRequirements, resource: &str) -> Option<Denial> {
    let whole = amount(pod, &["spec", "resources", "requests", resource])?;
    let allowed = Quantity::parse(&whole)?;
    let proxy = of_proxy(resources, resource)?;
    let others = of_containers(pod, resource)?;
    let needed = others.plus(proxy);
    (needed > allowed && proxy > Quantity::default()).then(|| {
        let [others, proxy, needed] =
            [others, proxy, needed].map(|amount| written(amount, resource));
        let source = amounts::source(pod, "requests", resource);
        Denial::new(
            Code::PodLevelResources,
            format!("spec.resources.requests[{resource}]"),
            format!(
                "{whole}: the containers ask for {others} and {} for {proxy}, which makes {needed}",
                names::PROXY_CONTAINER
            ),
            format!("set it to {needed} or more, or lower {source}"),
        )
    })
}

fn of_proxy(resources: &ResourceRequirements, resource: &str) -> Option<Quantity> {
    let of = |kind| amounts::amount(resources, kind, resource);
    Quantity::parse(of("requests").or_else(|| of("limits"))?)
}

/// What containers ask for at once, as the scheduler counts it: the larger of all that run beside
/// the server, and of each init container with the sidecars before it (KEP-753). A sidecar that
/// comes first counts in both. `None` where an amount can't be read.
fn of_containers(pod: &Value, resource: &str) -> Option<Quantity> {
    let mut sidecars = Quantity::default();
    let mut most = Quantity::default();
    for container in list(pod, &["spec", "initContainers"]) {
        let asked = of_container(container, resource)?;
        most = most.max(sidecars.plus(asked));
        if is_sidecar(container) {
            sidecars = sidecars.plus(asked);
        }
    }
    let mut running = sidecars;
    for container in list(pod, &["spec", "containers"]) {
        running = running.plus(of_container(container, resource)?);
    }
    Some(most.max(running))
}

/// Its request; where it has none its limit, as Kubernetes fills it in; nothing where it has neither.
fn of_container(container: &Value, resource: &str) -> Option<Quantity> {
    let of = |kind| amount(container, &["resources", kind, resource]);
    match of("requests").or_else(|| of("limits")) {
        Some(amount) => Quantity::parse(&amount),
        None => Some(Quantity::default()),
    }
}

/// An amount as it is written; in files also as a number.
fn amount<'a>(value: &'a Value, names: &[&str]) -> Option<Cow<'a, str>> {
    match at(value, names)? {
        Value::String(text) => Some(Cow::Borrowed(text)),
        other => Some(Cow::Owned(other.to_string())),
    }
}
