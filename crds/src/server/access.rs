//! How callers are identified, decided upon and held to their sessions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{bounds, words};

/// How the gateway identifies callers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AuthSpec {
    /// none, header, oauth or mtls.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = words::AuthMode::WORDS, "default" = "header"))]
    pub mode: Option<String>,
    /// Header with the person's id.
    #[serde(rename = "humanIDHeader", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::HEADER), extend("default" = "X-MCP-Human-ID"))]
    pub human_id_header: Option<String>,
    /// Header with the agent's id.
    #[serde(rename = "agentIDHeader", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::HEADER), extend("default" = "X-MCP-Agent-ID"))]
    pub agent_id_header: Option<String>,
    /// Header with the team's id.
    #[serde(rename = "teamIDHeader", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::HEADER), extend("default" = "X-MCP-Team-ID"))]
    pub team_id_header: Option<String>,
    /// Header with the session's name.
    #[serde(rename = "sessionIDHeader", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::HEADER), extend("default" = "X-MCP-Agent-Session"))]
    pub session_id_header: Option<String>,
    /// Header with the bearer token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::HEADER), extend("default" = "Authorization"))]
    pub token_header: Option<String>,
    /// Issuer of the tokens; required in oauth mode.
    #[serde(rename = "issuerURL", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::URL))]
    pub issuer_url: Option<String>,
    /// Audience a token must name (RFC 8707); required in oauth mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::URL))]
    pub audience: Option<String>,
    /// SPIFFE trust domain of the client certificates; required in mtls mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::HOST))]
    pub trust_domain: Option<String>,
}

/// How the gateway decides.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicySpec {
    /// allow-list refuses what isn't granted; observe lets it pass and reports it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = words::PolicyMode::WORDS, "default" = "allow-list"))]
    pub mode: Option<String>,
    /// What holds for a declared tool where no grant speaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = words::PolicyDecision::WORDS, "default" = "deny"))]
    pub default_decision: Option<String>,
    /// What is decided upon: call_tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["call_tool"], "default" = "call_tool"))]
    pub enforce_on: Option<String>,
    /// A label, reported with each decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::VERSION), extend("default" = "v1"))]
    pub policy_version: Option<String>,
}

/// Go durations (time.ParseDuration).
pub(crate) const MAX_LIFETIME: &str = "24h";
pub(crate) const IDLE_TIMEOUT: &str = "1h";

/// What the gateway asks of sessions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionSpec {
    /// Every exchange presents a live session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
    /// Where sessions are kept: kubernetes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["kubernetes"], "default" = "kubernetes"))]
    pub store: Option<String>,
    /// Header with the session's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::HEADER), extend("default" = "X-MCP-Agent-Session"))]
    pub header_name: Option<String>,
    /// How long a session lives, such as 24h.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::DURATION), extend("default" = MAX_LIFETIME))]
    pub max_lifetime: Option<String>,
    /// How long a session may be unused, such as 1h.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::DURATION), extend("default" = IDLE_TIMEOUT))]
    pub idle_timeout: Option<String>,
    /// Header the session's token goes upstream in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::HEADER), extend("default" = "Authorization"))]
    pub upstream_token_header: Option<String>,
}
