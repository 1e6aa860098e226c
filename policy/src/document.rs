//! The policy document as it lies in the ConfigMap: members in the order they are hashed in.
//!
//! Values are strings here, as on the wire; [`Policy`](crate::Policy) is what they mean.
//! Members are left out when empty, except those that identify an item.

mod parse;
mod revision;
mod shards;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use parse::{DocumentError, Parsed};
pub use shards::{
    ReadShard, SESSION_SHARDS, ShardFault, no_shards, pack_shard, read_shard, shard_file,
};

/// The zero value isn't written (Go's `omitempty`, which the revision depends on).
fn is_empty<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The whole document; `policy.json`, schema version `v1`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Document {
    /// `v1`.
    pub schema_version: String,
    /// `sha256:<hex>` over the rest; empty where it is to be computed.
    pub revision: String,
    /// RFC 3339; for information, outside the revision.
    #[serde(skip_serializing_if = "is_empty")]
    pub generated_at: String,
    /// The server it speaks of.
    pub server: Server,
    /// How callers are identified.
    #[serde(skip_serializing_if = "is_empty")]
    pub auth: Option<Auth>,
    /// Mode and defaults of the decision.
    #[serde(skip_serializing_if = "is_empty")]
    pub policy: Option<PolicySection>,
    /// What is asked of sessions.
    #[serde(skip_serializing_if = "is_empty")]
    pub session: Option<SessionSection>,
    /// The inventory.
    #[serde(skip_serializing_if = "is_empty")]
    pub tools: Vec<Tool>,
    /// Who may call what.
    #[serde(skip_serializing_if = "is_empty")]
    pub grants: Vec<Grant>,
    /// What was consented to.
    #[serde(skip_serializing_if = "is_empty")]
    pub sessions: Vec<Session>,
    /// Prompts with more than the default (`enforce_on: all`).
    #[serde(skip_serializing_if = "is_empty")]
    pub prompts: Vec<Prompt>,
    /// Resources with more than the default (`enforce_on: all`).
    #[serde(skip_serializing_if = "is_empty")]
    pub resources: Vec<Resource>,
    /// Bounds on one request.
    #[serde(skip_serializing_if = "is_empty")]
    pub limits: Option<Limits>,
    /// Requests per second.
    #[serde(skip_serializing_if = "is_empty")]
    pub rate_limit: Option<RateLimit>,
    /// Where the sessions lie when they are too many for the document.
    #[serde(skip_serializing_if = "is_empty")]
    pub session_shards: Vec<SessionShard>,
    /// Sessions revoked or deleted in the last 10 minutes; they deny whatever the shards say.
    #[serde(skip_serializing_if = "is_empty")]
    pub revoked_sessions: Vec<RevokedSession>,
}

/// The server the document speaks of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Server {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The team it belongs to.
    #[serde(skip_serializing_if = "is_empty")]
    pub team_id: String,
    /// The cluster's name.
    #[serde(skip_serializing_if = "is_empty")]
    pub cluster: String,
}

/// How callers are identified.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Auth {
    /// `none`, `header`, `oauth`, `mtls`, `kubernetes`; any other denies everything.
    #[serde(skip_serializing_if = "is_empty")]
    pub mode: String,
    /// Default `X-MCP-Human-ID`.
    #[serde(skip_serializing_if = "is_empty")]
    pub human_id_header: String,
    /// Default `X-MCP-Agent-ID`.
    #[serde(skip_serializing_if = "is_empty")]
    pub agent_id_header: String,
    /// Default `X-MCP-Team-ID`.
    #[serde(skip_serializing_if = "is_empty")]
    pub team_id_header: String,
    /// Default `X-MCP-Agent-Session`.
    #[serde(skip_serializing_if = "is_empty")]
    pub session_id_header: String,
    /// Default `Authorization`.
    #[serde(skip_serializing_if = "is_empty")]
    pub token_header: String,
    /// OAuth issuer.
    #[serde(skip_serializing_if = "is_empty")]
    pub issuer_url: String,
    /// Audience a token must have.
    #[serde(skip_serializing_if = "is_empty")]
    pub audience: String,
    /// SPIFFE trust domain.
    #[serde(skip_serializing_if = "is_empty")]
    pub trust_domain: String,
    /// The token's claim that names an MCPAgentSession; none by default.
    #[serde(skip_serializing_if = "is_empty")]
    pub session_claim: String,
    /// Send the caller's token upstream.
    #[serde(skip_serializing_if = "is_empty")]
    pub forward_token: bool,
}

/// Mode and defaults of the decision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicySection {
    /// `allow-list` (default) or `observe`.
    #[serde(skip_serializing_if = "is_empty")]
    pub mode: String,
    /// `deny` (default) or `allow`, for lines 7 and 9.
    #[serde(skip_serializing_if = "is_empty")]
    pub default_decision: String,
    /// `call_tool` (default) or `all`.
    #[serde(skip_serializing_if = "is_empty")]
    pub enforce_on: String,
    /// A label, reported with each decision.
    #[serde(skip_serializing_if = "is_empty")]
    pub policy_version: String,
    /// `allowed` (default in allow-list mode) or `all`.
    #[serde(skip_serializing_if = "is_empty")]
    pub listing: String,
}

/// What is asked of sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionSection {
    /// Every exchange presents one.
    #[serde(skip_serializing_if = "is_empty")]
    pub required: bool,
    /// `kubernetes`.
    #[serde(skip_serializing_if = "is_empty")]
    pub store: String,
    /// Overrides `auth.session_id_header`.
    #[serde(skip_serializing_if = "is_empty")]
    pub header_name: String,
    /// Go duration since `created_at`.
    #[serde(skip_serializing_if = "is_empty")]
    pub max_lifetime: String,
    /// Go duration since last use.
    #[serde(skip_serializing_if = "is_empty")]
    pub idle_timeout: String,
    /// Default `Authorization`.
    #[serde(skip_serializing_if = "is_empty")]
    pub upstream_token_header: String,
    /// Enforce the two durations.
    #[serde(skip_serializing_if = "is_empty")]
    pub enforce_limits: bool,
}

/// One declared tool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tool {
    /// As in `tools/call`.
    pub name: String,
    /// For people.
    #[serde(skip_serializing_if = "is_empty")]
    pub description: String,
    /// `low` (default), `medium`, `high`.
    #[serde(skip_serializing_if = "is_empty")]
    pub required_trust: String,
    /// `read`, `write`, `destructive`.
    #[serde(skip_serializing_if = "is_empty")]
    pub side_effect: String,
    /// For information.
    #[serde(skip_serializing_if = "is_empty")]
    pub risk_level: String,
    /// For people.
    #[serde(
        skip_serializing_if = "is_empty",
        deserialize_with = "parse::unique_keys"
    )]
    pub labels: BTreeMap<String, String>,
    /// sha256 of the tool's definition as approved.
    #[serde(skip_serializing_if = "is_empty")]
    pub digest: String,
}

/// Who may call which tools, up to which trust. Empty subject fields match everyone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Grant {
    /// Its name.
    pub name: String,
    /// Its namespace.
    #[serde(skip_serializing_if = "is_empty")]
    pub namespace: String,
    /// The person.
    #[serde(skip_serializing_if = "is_empty")]
    pub human_id: String,
    /// The agent.
    #[serde(skip_serializing_if = "is_empty")]
    pub agent_id: String,
    /// The team.
    #[serde(skip_serializing_if = "is_empty")]
    pub team_id: String,
    /// `low` where empty.
    #[serde(skip_serializing_if = "is_empty")]
    pub max_trust: String,
    /// None where empty.
    #[serde(skip_serializing_if = "is_empty")]
    pub allowed_side_effects: Vec<String>,
    /// A label.
    #[serde(skip_serializing_if = "is_empty")]
    pub policy_version: String,
    /// Neither allows nor denies.
    #[serde(skip_serializing_if = "is_empty")]
    pub disabled: bool,
    /// All tools where empty, else just these.
    #[serde(skip_serializing_if = "is_empty")]
    pub tool_rules: Vec<ToolRule>,
}

/// What a grant says of one tool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ToolRule {
    /// The tool.
    pub name: String,
    /// `allow` or `deny`.
    #[serde(skip_serializing_if = "is_empty")]
    pub decision: String,
    /// Raises what the tool requires.
    #[serde(skip_serializing_if = "is_empty")]
    pub required_trust: String,
}

/// What a person consented to for an agent, until when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Session {
    /// Its name, which the caller presents.
    pub name: String,
    /// Its namespace.
    #[serde(skip_serializing_if = "is_empty")]
    pub namespace: String,
    /// The person.
    #[serde(skip_serializing_if = "is_empty")]
    pub human_id: String,
    /// The agent.
    #[serde(skip_serializing_if = "is_empty")]
    pub agent_id: String,
    /// The team.
    #[serde(skip_serializing_if = "is_empty")]
    pub team_id: String,
    /// `low` where empty.
    #[serde(skip_serializing_if = "is_empty")]
    pub consented_trust: String,
    /// Denies from now on.
    #[serde(skip_serializing_if = "is_empty")]
    pub revoked: bool,
    /// RFC 3339.
    #[serde(skip_serializing_if = "is_empty")]
    pub expires_at: String,
    /// A label.
    #[serde(skip_serializing_if = "is_empty")]
    pub policy_version: String,
    /// `name/key` of the token sent upstream.
    #[serde(skip_serializing_if = "is_empty")]
    pub upstream_token_ref: String,
    /// RFC 3339; only with `enforce_limits`.
    #[serde(skip_serializing_if = "is_empty")]
    pub created_at: String,
}

/// A prompt with more than the default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Prompt {
    /// Its name.
    pub name: String,
    /// `low` where empty.
    #[serde(skip_serializing_if = "is_empty")]
    pub required_trust: String,
    /// `read` where empty.
    #[serde(skip_serializing_if = "is_empty")]
    pub side_effect: String,
}

/// A resource with more than the default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resource {
    /// Its URI.
    pub uri: String,
    /// `low` where empty.
    #[serde(skip_serializing_if = "is_empty")]
    pub required_trust: String,
    /// `read` where empty.
    #[serde(skip_serializing_if = "is_empty")]
    pub side_effect: String,
}

/// Bounds on one request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Bytes of a request's body.
    #[serde(skip_serializing_if = "is_empty")]
    pub max_request_bytes: u64,
    /// Requests in flight.
    #[serde(skip_serializing_if = "is_empty")]
    pub max_concurrent_requests: u32,
    /// Go duration.
    #[serde(skip_serializing_if = "is_empty")]
    pub request_timeout: String,
    /// Go duration.
    #[serde(skip_serializing_if = "is_empty")]
    pub stream_idle_timeout: String,
}

/// Requests per second.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RateLimit {
    /// Tokens a second.
    #[serde(skip_serializing_if = "is_empty")]
    pub requests_per_second: u32,
    /// Tokens at once.
    #[serde(skip_serializing_if = "is_empty")]
    pub burst: u32,
    /// `subject`, `session` or `server`.
    #[serde(skip_serializing_if = "is_empty")]
    pub per: String,
}

/// One shard of the sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionShard {
    /// The file beside the document: `sessions-0.ndjson.gz` to `sessions-15.ndjson.gz`.
    pub name: String,
    /// Of the shard's bytes, lowercase hex.
    pub sha256: String,
}

/// A session revoked or deleted in the last 10 minutes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RevokedSession {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}
