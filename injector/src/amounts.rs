//! CPU and memory of the proxy: the server's, and what the pod's annotations say instead.
//!
//! They are read when the proxy is put in. They are no part of what the injection stamp is a hash
//! of, as that says what follows from server and platform.

use crds::{Quantity, names};
use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Amount;
use serde_json::Value;

use crate::code::{Code, Denial};
use crate::json::annotation;

/// A pod annotation that sets one amount of the proxy, and what it can be set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AmountAnnotation {
    /// The annotation.
    pub name: &'static str,
    /// `requests` or `limits`.
    pub kind: &'static str,
    /// `cpu` or `memory`.
    pub resource: &'static str,
    /// The smallest amount that it takes, as a quantity.
    pub least: &'static str,
    /// The largest, as a quantity.
    pub most: &'static str,
}

/// Every such annotation; of a resource the request first.
///
/// The least keeps a proxy alive: an idle one takes 12 MiB, bodies of up to 4 MiB come on top, and
/// it has to answer its probes within two seconds while it works. The most keeps it fair: a server
/// that needs more has more replicas.
pub const AMOUNT_ANNOTATIONS: [AmountAnnotation; 4] = [
    AmountAnnotation {
        name: names::ANNOTATION_PROXY_CPU_REQUEST,
        kind: "requests",
        resource: "cpu",
        least: "5m",
        most: "4",
    },
    AmountAnnotation {
        name: names::ANNOTATION_PROXY_CPU_LIMIT,
        kind: "limits",
        resource: "cpu",
        least: "50m",
        most: "4",
    },
    AmountAnnotation {
        name: names::ANNOTATION_PROXY_MEMORY_REQUEST,
        kind: "requests",
        resource: "memory",
        least: "16Mi",
        most: "2Gi",
    },
    AmountAnnotation {
        name: names::ANNOTATION_PROXY_MEMORY_LIMIT,
        kind: "limits",
        resource: "memory",
        least: "32Mi",
        most: "2Gi",
    },
];

impl AmountAnnotation {
    /// What the pod says; `None` where it says nothing.
    fn of<'a>(&self, pod: &'a Value) -> Result<Option<&'a str>, Denial> {
        let Some(text) = annotation(pod, self.name) else {
            return Ok(None);
        };
        let given = Quantity::parse(text);
        if given.is_some()
            && given >= Quantity::parse(self.least)
            && given <= Quantity::parse(self.most)
        {
            return Ok(Some(text));
        }
        let (what, example) = match self.resource {
            "cpu" => ("CPU", "100m"),
            other => (other, "128Mi"),
        };
        Err(self.denial(
            format!(
                "{text:?} isn't an amount of {what} from {} to {}",
                self.least, self.most
            ),
            format!("write one such as {example:?}, or leave the annotation out"),
        ))
    }

    fn denial(&self, message: String, remedy: String) -> Denial {
        let field = format!("metadata.annotations[{}]", self.name);
        Denial::new(Code::InvalidAnnotation, field, message, remedy)
    }
}

/// The server's amounts, those that the pod has an annotation for replaced.
///
/// What the server has isn't held to the bounds: it is another person's to say.
pub(crate) fn of_proxy(
    pod: &Value,
    server: &ResourceRequirements,
) -> Result<ResourceRequirements, Denial> {
    let mut amounts = server.clone();
    for wanted in &AMOUNT_ANNOTATIONS {
        if let Some(text) = wanted.of(pod)? {
            let list = match wanted.kind {
                "requests" => &mut amounts.requests,
                _ => &mut amounts.limits,
            };
            let list = list.get_or_insert_default();
            list.insert(wanted.resource.into(), Amount(text.into()));
        }
    }
    let over = ["cpu", "memory"]
        .iter()
        .find_map(|resource| over_limit(pod, &amounts, resource));
    match over {
        Some(denial) => Err(denial),
        None => Ok(amounts),
    }
}

/// A request above its limit, of which one at least is the pod's.
fn over_limit(pod: &Value, amounts: &ResourceRequirements, resource: &str) -> Option<Denial> {
    let request = amount(amounts, "requests", resource)?;
    let limit = amount(amounts, "limits", resource)?;
    if Quantity::parse(request)? <= Quantity::parse(limit)? {
        return None;
    }
    let by_pod = |kind| wanted(kind, resource).filter(|a| annotation(pod, a.name).is_some());
    let [asked, allowed] = ["requests", "limits"].map(by_pod);
    match (asked, allowed) {
        (Some(asked), Some(allowed)) => Some(asked.denial(
            format!(
                "{request:?} is more than the limit, {limit:?} in annotation {}",
                allowed.name
            ),
            format!("set it to {limit} or less, or the limit to {request} or more"),
        )),
        (Some(asked), None) => Some(asked.denial(
            format!("{request:?} is more than the limit, {limit} by {SERVERS}"),
            format!(
                "set it to {limit} or less, or annotation {} to {request} or more",
                wanted("limits", resource)?.name
            ),
        )),
        (None, Some(allowed)) => Some(allowed.denial(
            format!("{limit:?} is less than the request, {request} by {SERVERS}"),
            format!(
                "set it to {request} or more, or annotation {} to {limit} or less",
                wanted("requests", resource)?.name
            ),
        )),
        // The server's own, which was validated.
        (None, None) => None,
    }
}

/// Where the server's amounts are said.
const SERVERS: &str = "spec.gateway.resources on the MCPServer";

/// Where an amount comes from, for a person.
pub(crate) fn source(pod: &Value, kind: &str, resource: &str) -> String {
    let by_pod = wanted(kind, resource).filter(|wanted| annotation(pod, wanted.name).is_some());
    by_pod.map_or_else(
        || SERVERS.into(),
        |wanted| format!("annotation {}", wanted.name),
    )
}

/// One amount as it is written.
pub(crate) fn amount<'a>(
    amounts: &'a ResourceRequirements,
    kind: &str,
    resource: &str,
) -> Option<&'a str> {
    let list = match kind {
        "requests" => amounts.requests.as_ref(),
        _ => amounts.limits.as_ref(),
    };
    list?.get(resource).map(|amount| amount.0.as_str())
}

fn wanted(kind: &str, resource: &str) -> Option<&'static AmountAnnotation> {
    let mut all = AMOUNT_ANNOTATIONS.iter();
    all.find(|wanted| wanted.kind == kind && wanted.resource == resource)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_are_quantities_and_every_request_has_a_limit_that_fits() {
        let parsed = |text: &str| Quantity::parse(text).unwrap();
        for bounds in &AMOUNT_ANNOTATIONS {
            assert!(parsed(bounds.least) < parsed(bounds.most), "{bounds:?}");
        }
        for resource in ["cpu", "memory"] {
            let [request, limit] =
                ["requests", "limits"].map(|kind| wanted(kind, resource).unwrap());
            assert!(parsed(request.least) <= parsed(limit.least), "{resource}");
            assert_eq!(parsed(request.most), parsed(limit.most), "{resource}");
        }
    }
}
