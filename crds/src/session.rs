//! `MCPAgentSession`: what a person consented to for an agent, until when.

#![allow(
    clippy::duplicated_attributes,
    reason = "each printer column names its type"
)]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    bounds,
    grant::{ServerRef, SubjectSpec},
    server::SecretKeySpec,
    words,
};

/// What a person consented to for an agent, until when.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "mcpruntime.org",
    version = "v1alpha1",
    kind = "MCPAgentSession",
    plural = "mcpagentsessions",
    singular = "mcpagentsession",
    shortname = "mcpa",
    category = "mcp",
    namespaced,
    status = "MCPAgentSessionStatus",
    derive = "Default",
    derive = "PartialEq",
    doc = "What a person consented to for an agent, until when.",
    printcolumn(name = "Server", type_ = "string", json_path = ".spec.serverRef.name"),
    printcolumn(name = "Human", type_ = "string", json_path = ".spec.subject.humanID"),
    printcolumn(name = "Agent", type_ = "string", json_path = ".spec.subject.agentID"),
    printcolumn(name = "Team", type_ = "string", json_path = ".spec.subject.teamID"),
    printcolumn(name = "Trust", type_ = "string", json_path = ".spec.consentedTrust"),
    printcolumn(name = "Revoked", type_ = "boolean", json_path = ".spec.revoked"),
    printcolumn(name = "Expires", type_ = "string", json_path = ".spec.expiresAt"),
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
pub struct MCPAgentSessionSpec {
    /// The server.
    pub server_ref: ServerRef,
    /// Whose it is; at least one field.
    pub subject: SubjectSpec,
    /// The trust consented to. Left out: low.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = words::TRUST_WORDS))]
    pub consented_trust: Option<String>,
    /// When it ends (RFC 3339); never where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub expires_at: Option<String>,
    /// It denies from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<bool>,
    /// Token sent to the server in this session's calls, a key of Secret {server}-upstream-tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_token_secret_ref: Option<SecretKeySpec>,
    /// A label, reported with each decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::VERSION))]
    pub policy_version: Option<String>,
}

/// What was observed of a session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MCPAgentSessionStatus {
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
}
