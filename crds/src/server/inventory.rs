//! What the server offers: tools with their trust and side effects, and the catalogue.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{bounds, words};

/// One tool.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ToolSpec {
    /// As in tools/call.
    #[schemars(length(min = 1, max = bounds::TOOL_NAME))]
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::TEXT))]
    pub description: Option<String>,
    /// Trust a caller needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = words::TRUST_WORDS, "default" = "low"))]
    pub required_trust: Option<String>,
    /// What a call may do: read, write or destructive.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(required, extend("enum" = words::SIDE_EFFECT_WORDS))]
    pub side_effect: Option<String>,
    /// For people: how risky a call is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = words::RiskLevel::WORDS))]
    pub risk_level: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::labels")]
    pub labels: BTreeMap<String, String>,
}

/// A prompt, resource or task of the catalogue.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InventoryItem {
    /// Its name.
    #[schemars(length(min = 1, max = bounds::TOOL_NAME))]
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::TEXT))]
    pub description: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::labels")]
    pub labels: BTreeMap<String, String>,
}
