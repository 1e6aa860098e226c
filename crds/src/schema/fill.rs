//! Defaults of the schema, put in as the API server puts them in.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray,
};
use serde_json::Value;

use crate::Add;

/// What `value`, at JSON pointer `at`, lacks of the schema's defaults.
pub(crate) fn missing(schema: &JSONSchemaProps, value: &Value, at: &str, adds: &mut Vec<Add>) {
    match value {
        Value::Object(members) => {
            for (name, property) in schema.properties.iter().flatten() {
                let path = format!("{at}/{}", escape(name));
                match (members.get(name), &property.default) {
                    (Some(member), _) => missing(property, member, &path, adds),
                    (None, Some(default)) => adds.push(Add {
                        path,
                        value: default.0.clone(),
                    }),
                    (None, None) => {}
                }
            }
        }
        Value::Array(items) => {
            if let Some(JSONSchemaPropsOrArray::Schema(schema)) = &schema.items {
                for (n, item) in items.iter().enumerate() {
                    missing(schema, item, &format!("{at}/{n}"), adds);
                }
            }
        }
        _ => {}
    }
}

/// A member's name as a JSON pointer spells it.
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
