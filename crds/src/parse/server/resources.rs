//! CPU and memory of a container, with what isn't given.

use std::collections::BTreeMap;

use k8s_openapi::{api::core::v1::ResourceRequirements, apimachinery::pkg::api::resource};

use crate::{
    quantity::Quantity,
    server::{ResourceListSpec, ResourcesSpec},
};

/// Name, request, limit: the Go project's.
const DEFAULTS: [(&str, &str, &str); 2] = [("cpu", "50m", "500m"), ("memory", "64Mi", "256Mi")];

/// Requests and limits. A default gives way to what the author wrote on the other side: the API server refuses
/// pods that ask for more than their limit.
pub(super) fn of(spec: Option<&ResourcesSpec>) -> ResourceRequirements {
    let given = |list: Option<&ResourceListSpec>, name: &str| {
        let quantity = match name {
            "cpu" => list.and_then(|list| list.cpu.clone()),
            _ => list.and_then(|list| list.memory.clone()),
        };
        quantity.filter(|text| !text.is_empty())
    };
    let mut requests = BTreeMap::new();
    let mut limits = BTreeMap::new();
    for (name, default_request, default_limit) in DEFAULTS {
        let request = given(spec.and_then(|spec| spec.requests.as_ref()), name);
        let limit = given(spec.and_then(|spec| spec.limits.as_ref()), name);
        let (request, limit) = match (request, limit) {
            (Some(request), Some(limit)) => (request, limit),
            (Some(request), None) => (request.clone(), more_of(request, default_limit)),
            (None, Some(limit)) => (less_of(limit.clone(), default_request), limit),
            (None, None) => (default_request.to_owned(), default_limit.to_owned()),
        };
        requests.insert(name.to_owned(), resource::Quantity(request));
        limits.insert(name.to_owned(), resource::Quantity(limit));
    }
    ResourceRequirements {
        requests: Some(requests),
        limits: Some(limits),
        ..ResourceRequirements::default()
    }
}

fn more_of(given: String, default: &str) -> String {
    if Quantity::parse(&given) > Quantity::parse(default) {
        given
    } else {
        default.to_owned()
    }
}

fn less_of(given: String, default: &str) -> String {
    if Quantity::parse(&given) < Quantity::parse(default) {
        given
    } else {
        default.to_owned()
    }
}
