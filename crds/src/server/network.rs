//! Whom a server's pods may call.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{bounds, words};

/// One thing that pods may call: each of its namespaces and networks, at each of its ports.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct EgressRuleSpec {
    /// Namespaces whose pods may be called. Where cidrs is left out as well: anyone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = bounds::FEW), inner(length(min = 1, max = bounds::LABEL)))]
    pub namespaces: Vec<String>,
    /// Networks that may be called, such as 203.0.113.0/24.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = bounds::FEW), inner(length(min = 1, max = bounds::CIDR)))]
    pub cidrs: Vec<String>,
    /// Ports that may be called there: those of the pods, not of their Services. Default: every port.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = bounds::FEW))]
    pub ports: Vec<EgressPortSpec>,
}

/// A port.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EgressPortSpec {
    /// Its number.
    #[schemars(range(min = 1, max = 65535), extend("format" = "int32"))]
    pub port: i64,
    /// TCP or UDP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = words::Protocol::WORDS, "default" = "TCP"))]
    pub protocol: Option<String>,
}
