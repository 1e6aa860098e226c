//! Nodes of objects and of schemas, and the paths to them.

use std::fmt;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray,
};
use serde_json::Value;

/// Where a walk is. It is written out only where there is something to say, which is seldom.
#[derive(Clone, Copy)]
pub(crate) enum Path<'a> {
    /// The object itself.
    Root,
    /// A member of an object.
    Member(&'a Path<'a>, &'a str),
    /// An item of a list.
    Item(&'a Path<'a>, usize),
}

impl Path<'_> {
    /// As a JSON pointer (RFC 6901).
    pub(crate) fn pointer(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Member(parent, name) => {
                let escaped = name.replace('~', "~0").replace('/', "~1");
                format!("{}/{escaped}", parent.pointer())
            }
            Self::Item(parent, n) => format!("{}/{n}", parent.pointer()),
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Member(Self::Root, name) => f.write_str(name),
            Self::Member(parent, name) => write!(f, "{parent}.{name}"),
            Self::Item(parent, n) => write!(f, "{parent}[{n}]"),
        }
    }
}

/// What is at a pointer such as `/spec/tools`, whose names are those of our own fields: [`Value::pointer`] writes
/// each step anew, for names that have `~` or `/` in them.
pub(crate) fn at<'v>(value: &'v Value, pointer: &str) -> Option<&'v Value> {
    let mut steps = pointer.split('/').skip(1);
    steps.try_fold(value, |node, step| node.get(step))
}

/// The schema at a path.
#[cfg(test)]
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
