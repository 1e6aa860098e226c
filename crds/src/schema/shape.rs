//! What a schema asks of values, in a form that is small and quick to walk: of the API server's own type for
//! schemas a node takes more than a kilobyte, most of it for what ours don't have.

use std::collections::BTreeMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use serde_json::Value;

/// One node.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    /// The schema's word for the type; empty for any.
    pub(super) wanted: String,
    /// The values there are; empty for any.
    pub(super) words: Vec<Value>,
    /// In characters.
    pub(super) max_length: Option<i64>,
    pub(super) min_length: Option<i64>,
    pub(super) is_time: bool,
    /// Of a number; both ends are in it.
    pub(super) range: (f64, f64),
    pub(super) max_items: Option<i64>,
    pub(super) unique: Unique,
    pub(super) items: Option<Box<Shape>>,
    pub(super) max_properties: Option<i64>,
    pub(super) required: Vec<String>,
    /// `None` where members have any name.
    pub(super) properties: Option<BTreeMap<String, Box<Shape>>>,
    /// Of members that `properties` doesn't name.
    pub(super) values: Option<Box<Shape>>,
}

/// What of a list's items is there once.
#[derive(Debug, Default)]
pub(super) enum Unique {
    /// Nothing.
    #[default]
    No,
    /// The item.
    Item,
    /// These members of it.
    Keys(Vec<String>),
}

impl Shape {
    pub(crate) fn of(schema: &JSONSchemaProps) -> Self {
        let format = schema.format.as_deref();
        let (low, high) = match format {
            Some("int32") => (f64::from(i32::MIN), f64::from(i32::MAX)),
            _ => (f64::MIN, f64::MAX),
        };
        let words = schema.enum_.iter().flatten();
        let properties = schema.properties.as_ref().map(|properties| {
            let shaped = properties.iter();
            shaped
                .map(|(name, property)| (name.clone(), Box::new(Self::of(property))))
                .collect()
        });
        let values = match &schema.additional_properties {
            Some(JSONSchemaPropsOrBool::Schema(values)) => Some(Box::new(Self::of(values))),
            _ => None,
        };
        let items = match &schema.items {
            Some(JSONSchemaPropsOrArray::Schema(items)) => Some(Box::new(Self::of(items))),
            _ => None,
        };
        let keys = &schema.x_kubernetes_list_map_keys;
        Self {
            wanted: schema.type_.clone().unwrap_or_default(),
            words: words.map(|word| word.0.clone()).collect(),
            max_length: schema.max_length,
            min_length: schema.min_length,
            is_time: format == Some("date-time"),
            range: (
                schema.minimum.unwrap_or(low),
                schema.maximum.unwrap_or(high),
            ),
            max_items: schema.max_items,
            unique: match (&schema.x_kubernetes_list_type, keys) {
                (None, _) => Unique::No,
                (Some(_), None) => Unique::Item,
                (Some(_), Some(keys)) => Unique::Keys(keys.clone()),
            },
            items,
            max_properties: schema.max_properties,
            required: schema.required.clone().unwrap_or_default(),
            properties,
            values,
        }
    }

    /// Of a member that the schema names.
    pub(super) fn property(&self, name: &str) -> Option<&Self> {
        self.properties.as_ref()?.get(name).map(|shape| &**shape)
    }
}
