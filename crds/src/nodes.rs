//! Walks to the nodes that a path names: in an object, and in a schema.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray,
};
use serde_json::Value;

/// Every value at a schema path such as `spec.tools[].name`, with its own path (`spec.tools[2].name`).
pub(crate) fn values<'a>(object: &'a Value, path: &str) -> Vec<(String, &'a Value)> {
    let mut found = vec![(String::new(), object)];
    for step in steps(path) {
        found = found
            .into_iter()
            .flat_map(|(at, value)| match step {
                Step::Items => value
                    .as_array()
                    .into_iter()
                    .flatten()
                    .enumerate()
                    .map(|(n, item)| (format!("{at}[{n}]"), item))
                    .collect::<Vec<_>>(),
                Step::Member(name) => value
                    .get(name)
                    .map(|member| (join(&at, name), member))
                    .into_iter()
                    .collect(),
            })
            .collect();
    }
    found
}

/// The schema at a path.
pub(crate) fn schema<'a>(root: &'a JSONSchemaProps, path: &str) -> Option<&'a JSONSchemaProps> {
    let mut node = root;
    for step in steps(path) {
        node = match step {
            Step::Member(name) => node.properties.as_ref()?.get(name)?,
            Step::Items => match node.items.as_ref()? {
                JSONSchemaPropsOrArray::Schema(items) => items,
                JSONSchemaPropsOrArray::Schemas(_) => return None,
            },
        };
    }
    Some(node)
}

/// The schema at a path, to write into.
pub(crate) fn schema_mut<'a>(
    root: &'a mut JSONSchemaProps,
    path: &str,
) -> Option<&'a mut JSONSchemaProps> {
    let mut node = root;
    for step in steps(path) {
        node = match step {
            Step::Member(name) => node.properties.as_mut()?.get_mut(name)?,
            Step::Items => match node.items.as_mut()? {
                JSONSchemaPropsOrArray::Schema(items) => items,
                JSONSchemaPropsOrArray::Schemas(_) => return None,
            },
        };
    }
    Some(node)
}

/// A member's path.
pub(crate) fn join(at: &str, name: &str) -> String {
    if at.is_empty() {
        name.to_owned()
    } else {
        format!("{at}.{name}")
    }
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Member(&'a str),
    Items,
}

fn steps(path: &str) -> Vec<Step<'_>> {
    path.split('.')
        .filter(|part| !part.is_empty())
        .flat_map(|part| match part.strip_suffix("[]") {
            Some(name) => vec![Step::Member(name), Step::Items],
            None => vec![Step::Member(part)],
        })
        .collect()
}
