//! Our own patch, tried before it is sent.

use crds::{Server, Settings};
use json_patch::Patch;
use serde_json::Value;

use crate::inject::Fault;
use crate::intact::{self, is_proxy};

/// What operations and clauses look at in a container.
const OF_CONTAINERS: [&str; 5] = [
    "name",
    "ports",
    "securityContext",
    "restartPolicy",
    "lifecycle",
];

/// Applies the operations to a copy, as the API server will, and judges what comes out as the
/// admission policy will: a patch that fails there refuses the pod with a message about paths.
pub(crate) fn prove(
    pod: &Value,
    ops: &Patch,
    server: &Server,
    settings: &Settings,
) -> Result<(), Fault> {
    let mut copy = outline(pod);
    // The variant that undoes nothing on failure: the copy is thrown away.
    json_patch::patch_unsafe(&mut copy, ops).map_err(Fault::Apply)?;
    let breach = match intact::check(&copy, server, settings) {
        Ok(()) => return Ok(()),
        Err(breaches) => breaches.into_iter().next(),
    };
    breach.map_or(Ok(()), |breach| Err(Fault::NotIntact(breach)))
}

/// A copy without what neither operations nor clauses look at. Most of a large pod is variables
/// and arguments of its containers; copying them would take longer than everything else.
fn outline(pod: &Value) -> Value {
    each(pod, |name, value| match name {
        "spec" => each(value, |name, value| match (name, value) {
            ("containers" | "initContainers", Value::Array(items)) => {
                items.iter().map(outline_of_container).collect()
            }
            _ => value.clone(),
        }),
        _ => value.clone(),
    })
}

fn outline_of_container(container: &Value) -> Value {
    match container {
        Value::Object(members) if !is_proxy(container) => OF_CONTAINERS
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), members.get(*name)?.clone())))
            .collect(),
        whole => whole.clone(),
    }
}

fn each(object: &Value, of: impl Fn(&str, &Value) -> Value) -> Value {
    match object {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), of(name, value)))
            .collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intact::check_clauses;

    #[derive(serde::Deserialize)]
    struct Case {
        name: String,
        change: Option<Patch>,
    }

    #[test]
    fn an_outline_breaks_the_clauses_that_the_pod_breaks() {
        let base: Value = serde_saphyr::from_str(include_str!("../tests/intact/pod.yaml")).unwrap();
        let cases: Vec<Case> =
            serde_saphyr::from_str(include_str!("../tests/intact/cases.yaml")).unwrap();
        let images = ["registry.example.org/mcp-runtime:v2".to_owned()];
        for case in cases {
            let mut pod = base.clone();
            json_patch::patch(&mut pod, &case.change.unwrap_or_default()).unwrap();
            let breaches = |pod: &Value| check_clauses(pod, "demo", &images);
            assert_eq!(breaches(&outline(&pod)), breaches(&pod), "{}", case.name);
        }
    }
}
