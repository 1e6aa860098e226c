//! `MCPAccessGrant`: who may call which tools of a server, up to which trust.

#![allow(
    clippy::duplicated_attributes,
    reason = "each printer column names its type"
)]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{bounds, words};

/// Who may call which tools of a server, up to which trust.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "mcpruntime.org",
    version = "v1alpha1",
    kind = "MCPAccessGrant",
    plural = "mcpaccessgrants",
    singular = "mcpaccessgrant",
    shortname = "mcpg",
    category = "mcp",
    namespaced,
    status = "MCPAccessGrantStatus",
    derive = "Default",
    derive = "PartialEq",
    doc = "Who may call which tools of a server, up to which trust.",
    printcolumn(name = "Server", type_ = "string", json_path = ".spec.serverRef.name"),
    printcolumn(name = "Human", type_ = "string", json_path = ".spec.subject.humanID"),
    printcolumn(name = "Agent", type_ = "string", json_path = ".spec.subject.agentID"),
    printcolumn(name = "Team", type_ = "string", json_path = ".spec.subject.teamID"),
    printcolumn(name = "Trust", type_ = "string", json_path = ".spec.maxTrust"),
    printcolumn(name = "Disabled", type_ = "boolean", json_path = ".spec.disabled"),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    ),
    printcolumn(
        name = "Phase",
        type_ = "string",
        json_path = ".status.phase",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
pub struct MCPAccessGrantSpec {
    /// The server.
    pub server_ref: ServerRef,
    /// Whom it speaks of; fields left out match everyone.
    pub subject: SubjectSpec,
    /// The most trust it gives. Left out: low.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = words::TRUST_WORDS))]
    pub max_trust: Option<String>,
    /// What the tools called may do; nothing where left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 3), schema_with = "crate::schema::side_effects")]
    pub allowed_side_effects: Vec<String>,
    /// A label, reported with each decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::VERSION))]
    pub policy_version: Option<String>,
    /// It neither allows nor denies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// The tools it allows or denies; all are allowed where there is no rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = bounds::MANY), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub tool_rules: Vec<ToolRuleSpec>,
}

/// Which server a grant or session is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServerRef {
    /// The MCPServer.
    #[schemars(length(min = 1, max = bounds::NAME))]
    pub name: String,
    /// Its namespace. Left out: the object's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::LABEL))]
    pub namespace: Option<String>,
}

/// Whom a grant or session speaks of; every field given must be the caller's, byte for byte.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SubjectSpec {
    /// The person.
    #[serde(rename = "humanID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::ID))]
    pub human_id: Option<String>,
    /// The agent.
    #[serde(rename = "agentID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::ID))]
    pub agent_id: Option<String>,
    /// The team. Left out: the server's, where it has one.
    #[serde(rename = "teamID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::TEAM_ID))]
    pub team_id: Option<String>,
}

/// What a grant says of one tool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ToolRuleSpec {
    /// The tool.
    #[schemars(length(min = 1, max = bounds::TOOL_NAME))]
    pub name: String,
    /// allow or deny.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(required, extend("enum" = words::PolicyDecision::WORDS))]
    pub decision: Option<String>,
    /// Raises what the tool requires. Left out: low.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = words::TRUST_WORDS))]
    pub required_trust: Option<String>,
}

/// What was observed of a grant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MCPAccessGrantStatus {
    /// Generation of the spec that the rest speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Active, or why it isn't.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// One sentence for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Ready and Enforced.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// How many declared tools it allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matched_tools: Option<i64>,
}
