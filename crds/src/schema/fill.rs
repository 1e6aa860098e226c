//! Defaults of the schema, put in as the API server puts them in.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray,
};
use serde_json::Value;

use crate::{Add, nodes::Path};

/// What `value`, which is at `at`, lacks of the schema's defaults.
pub(crate) fn missing(schema: &JSONSchemaProps, value: &Value, at: &Path<'_>, adds: &mut Vec<Add>) {
    match value {
        Value::Object(members) => {
            for (name, property) in schema.properties.iter().flatten() {
                match (members.get(name), &property.default) {
                    (Some(member), _) => missing(property, member, &Path::Member(at, name), adds),
                    (None, Some(default)) => adds.push(Add {
                        path: Path::Member(at, name).pointer(),
                        value: default.0.clone(),
                    }),
                    (None, None) => {}
                }
            }
        }
        Value::Array(items) => {
            if let Some(JSONSchemaPropsOrArray::Schema(schema)) = &schema.items {
                for (n, item) in items.iter().enumerate() {
                    missing(schema, item, &Path::Item(at, n), adds);
                }
            }
        }
        _ => {}
    }
}
