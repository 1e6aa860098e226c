//! The proxy in front of the server, and where its audit events go.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ResourcesSpec, SecretKeySpec};
use crate::{bounds, names};

/// The proxy in front of the server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewaySpec {
    /// Puts the proxy into every pod of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Another image of the platform's list of proxy images.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::IMAGE))]
    pub image: Option<String>,
    /// Port the proxy listens on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535), extend("format" = "int32", "default" = names::DEFAULT_GATEWAY_PORT))]
    pub port: Option<i64>,
    /// Where the proxy sends requests; http on a loopback address. Default: http://127.0.0.1:{port}.
    #[serde(rename = "upstreamURL", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::URL))]
    pub upstream_url: Option<String>,
    /// Prefix taken off the path before a request goes to the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::PATH))]
    pub strip_prefix: Option<String>,
    /// Namespaces whose pods may call the gateway; the ingress controller's has to be among them. Default: anyone
    /// may. Where the cluster's network enforces NetworkPolicies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = bounds::FEW), inner(length(min = 1, max = bounds::LABEL)))]
    pub allow_from: Vec<String>,
    /// Namespaces whose pods may read the proxy's metrics, on port 9103; the operator always may. Default: anyone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = bounds::FEW), inner(length(min = 1, max = bounds::LABEL)))]
    pub monitoring_namespaces: Vec<String>,
    /// CPU and memory of the proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourcesSpec>,
}

/// Where the gateway sends audit events.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalyticsSpec {
    /// Send none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// Where to. Default: the platform's.
    #[serde(rename = "ingestURL", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::URL))]
    pub ingest_url: Option<String>,
    /// Source written into the events. Default: {name}-gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::NAME))]
    pub source: Option<String>,
    /// Type written into the events.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::NAME), extend("default" = "mcp.request"))]
    pub event_type: Option<String>,
    /// Key the events are sent with.
    #[serde(rename = "apiKeySecretRef", skip_serializing_if = "Option::is_none")]
    pub api_key_secret_ref: Option<SecretKeySpec>,
}
