//! `MCPServer`: one MCP server and how it is run, reached and governed.
//!
//! Fields hold what was stored, words included: a value that this version doesn't know must not keep the
//! operator from reading the other objects of a list. [`parse`](crate::parse) gives them their types.

#![allow(
    clippy::duplicated_attributes,
    reason = "each printer column names its type"
)]

pub(crate) mod access;
mod gateway;
mod inventory;
mod network;
mod workload;

pub use access::{AuthSpec, PolicySpec, SessionSpec};
pub use gateway::{AnalyticsSpec, GatewaySpec};
pub use inventory::{InventoryItem, ToolSpec};
pub use network::{EgressPortSpec, EgressRuleSpec};
pub use workload::{
    EnvVarSpec, ResourceListSpec, ResourcesSpec, RolloutSpec, SecretEnvVarSpec, SecretKeySpec,
};

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{bounds, names, words};

/// What an MCP server is and how it is run, reached and governed.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "mcpruntime.org",
    version = "v1alpha1",
    kind = "MCPServer",
    plural = "mcpservers",
    singular = "mcpserver",
    shortname = "mcps",
    category = "mcp",
    namespaced,
    status = "MCPServerStatus",
    derive = "Default",
    derive = "PartialEq",
    doc = "One MCP server: what runs, how it is reached, who may call it.",
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn(name = "Team", type_ = "string", json_path = ".spec.teamID"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Policy", type_ = "boolean", json_path = ".status.policyReady"),
    printcolumn(
        name = "Gateway",
        type_ = "boolean",
        json_path = ".status.gatewayReady"
    ),
    printcolumn(
        name = "Ready",
        type_ = "boolean",
        json_path = ".status.deploymentReady"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    ),
    printcolumn(
        name = "URL",
        type_ = "string",
        json_path = ".status.url",
        priority = 1
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.message",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase", default)]
pub struct MCPServerSpec {
    /// Stable identifier of the team that owns the server; written into the policy and audit events.
    #[serde(rename = "teamID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::TEAM_ID))]
    pub team_id: Option<String>,
    /// For people: what the server offers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::TEXT))]
    pub description: Option<String>,
    /// Container image of the server. Required unless the workload is external.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::IMAGE))]
    pub image: Option<String>,
    /// Tag, where the image has neither tag nor digest. Default: latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::IMAGE_TAG))]
    pub image_tag: Option<String>,
    /// Registry put in place of the image's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::HOST))]
    pub registry_override: Option<String>,
    /// Pull from the platform's own registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_provisioned_registry: Option<bool>,
    /// Secrets to pull the image with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = bounds::FEW), inner(length(max = bounds::NAME)))]
    pub image_pull_secrets: Vec<String>,
    /// Pods wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0), extend("format" = "int32", "default" = 1))]
    pub replicas: Option<i64>,
    /// Port the server's container listens on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535), extend("format" = "int32", "default" = names::DEFAULT_PORT))]
    pub port: Option<i64>,
    /// Port of the Service.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535), extend("format" = "int32", "default" = names::DEFAULT_SERVICE_PORT))]
    pub service_port: Option<i64>,
    /// Path of the route where ingressHost is given and publicPathPrefix isn't. Default: /{name}/mcp.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::PATH))]
    pub ingress_path: Option<String>,
    /// Host of the route. Default: the platform's, where neither host nor publicPathPrefix is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::HOST))]
    pub ingress_host: Option<String>,
    /// The route is /{publicPathPrefix}/mcp. Default: the server's name, where no ingressHost is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::PATH))]
    pub public_path_prefix: Option<String>,
    /// Ingress class.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::NAME), extend("default" = "traefik"))]
    pub ingress_class: Option<String>,
    /// Annotations of the Ingress; those that carry configuration snippets are refused.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = bounds::SOME), schema_with = "crate::schema::annotations")]
    pub ingress_annotations: BTreeMap<String, String>,
    /// CPU and memory of the server's container. Default: 50m and 64Mi, at most 500m and 256Mi.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourcesSpec>,
    /// Environment of the server's container.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = bounds::SOME))]
    pub env_vars: Vec<EnvVarSpec>,
    /// Environment of the server's container, taken from Secrets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = bounds::SOME))]
    pub secret_env_vars: Vec<SecretEnvVarSpec>,
    /// The tools, with what calling them may do. A tool that isn't here can't be called through the gateway.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = bounds::MANY), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub tools: Vec<ToolSpec>,
    /// The prompts, for the catalogue.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = bounds::MANY))]
    pub prompts: Vec<InventoryItem>,
    /// The resources, for the catalogue.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = bounds::MANY))]
    pub mcp_resources: Vec<InventoryItem>,
    /// Task templates, for the catalogue.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = bounds::MANY))]
    pub tasks: Vec<InventoryItem>,
    /// How the gateway identifies callers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<AuthSpec>,
    /// How the gateway decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicySpec>,
    /// What the gateway asks of sessions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionSpec>,
    /// The proxy in front of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<GatewaySpec>,
    /// Where the gateway sends audit events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analytics: Option<AnalyticsSpec>,
    /// How pods are replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutSpec>,
    /// The server keeps nothing between requests, so that any replica may answer any of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stateless: Option<bool>,
    /// What the pods may call, besides what the gateway itself needs. Left out: anything; an empty list: nothing
    /// else. Where the cluster's network enforces NetworkPolicies.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::FEW))]
    pub egress: Option<Vec<EgressRuleSpec>>,
    /// Who runs the pods: a Deployment of the operator, or a workload of your own with labelled pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = words::Workload::WORDS))]
    pub workload: Option<String>,
}

/// What was observed of a server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MCPServerStatus {
    /// Generation of the spec that the rest speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Pending, PartiallyReady, Ready or Error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// One sentence for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Ready, Reconciling, Stalled and one for each part.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// All pods wanted are ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_ready: Option<bool>,
    /// The Service has an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_ready: Option<bool>,
    /// The route is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress_ready: Option<bool>,
    /// Every pod wanted has a ready gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_ready: Option<bool>,
    /// Every gateway runs the rendered policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_ready: Option<bool>,
    /// The canary's pods are ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary_ready: Option<bool>,
    /// Where clients reach the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Revision of the policy as rendered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_revision: Option<String>,
    /// Revision that every ready gateway answered to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforced_policy_revision: Option<String>,
    /// How many pods have the proxy that would be injected now, and how many another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxies: Option<ProxyCounts>,
    /// How many tools are declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<ToolCounts>,
    /// Pods there are, for the scale subresource.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "int32"))]
    pub replicas: Option<i64>,
    /// Selector of the pods, for the scale subresource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
}

/// Governed pods by the proxy they have; pods that end or have ended don't count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProxyCounts {
    /// The one that would be injected now.
    pub current: i64,
    /// One of another version or of other settings.
    pub outdated: i64,
}

/// Declared tools by what they may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToolCounts {
    /// All of them.
    pub total: i64,
    /// Those that change nothing.
    pub read: i64,
    /// Those that create or change something.
    pub write: i64,
    /// Those that may lose something.
    pub destructive: i64,
}
