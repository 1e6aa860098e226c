//! Defaults of the schema, put in as the API server puts them in.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray,
};
use serde_json::Value;

use crate::{Add, nodes::Path};

/// A schema's defaults and the way to them. Most of a schema has none, and most of an object needn't be looked at.
#[derive(Debug, Default)]
pub(crate) struct Defaults {
    members: Vec<Member>,
    items: Option<Box<Defaults>>,
}

#[derive(Debug)]
struct Member {
    name: String,
    /// What it becomes where it isn't there.
    value: Option<Value>,
    /// What it lacks where it is.
    below: Defaults,
}

impl Defaults {
    /// Those of a schema.
    pub(crate) fn of(schema: &JSONSchemaProps) -> Self {
        let properties = schema.properties.iter().flatten();
        let members = properties.map(|(name, property)| Member {
            name: name.clone(),
            value: property.default.as_ref().map(|default| default.0.clone()),
            below: Self::of(property),
        });
        let items = match &schema.items {
            Some(JSONSchemaPropsOrArray::Schema(items)) => Some(Box::new(Self::of(items))),
            _ => None,
        };
        Self {
            members: members
                .filter(|member| member.value.is_some() || !member.below.is_empty())
                .collect(),
            items: items.filter(|items| !items.is_empty()),
        }
    }

    /// Those below a member.
    pub(crate) fn below(&self, name: &str) -> Option<&Self> {
        let member = self.members.iter().find(|member| member.name == name)?;
        Some(&member.below)
    }

    fn is_empty(&self) -> bool {
        self.members.is_empty() && self.items.is_none()
    }

    /// What `value`, which is at `at`, lacks of them.
    pub(crate) fn missing(&self, value: &Value, at: &Path<'_>, adds: &mut Vec<Add>) {
        match value {
            Value::Object(members) => {
                for Member { name, value, below } in &self.members {
                    let at = Path::Member(at, name);
                    match (members.get(name), value) {
                        (Some(member), _) => below.missing(member, &at, adds),
                        (None, Some(value)) => adds.push(Add {
                            path: at.pointer(),
                            value: value.clone(),
                        }),
                        (None, None) => {}
                    }
                }
            }
            Value::Array(list) => {
                for items in self.items.iter() {
                    for (n, item) in list.iter().enumerate() {
                        items.missing(item, &Path::Item(at, n), adds);
                    }
                }
            }
            _ => {}
        }
    }
}
