//! What a parse leaves: every default resolved, every word typed. Only [`parse`](crate::parse()),
//! [`parse_grant`](crate::parse_grant) and [`parse_session`](crate::parse_session) make these.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::ResourceRequirements, apimachinery::pkg::util::intstr::IntOrString,
};
use policy::{SideEffect, Trust};

use crate::{
    WarningCode,
    words::{
        AuthMode, PolicyDecision, PolicyMode, Protocol, ProxyUpgrade, RiskLevel, RolloutStrategy,
        Workload,
    },
};

/// A valid server.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Server {
    /// Its name, a DNS-1035 label.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Empty for objects that no API server has seen.
    pub uid: String,
    /// Generation of the spec; 0 where no API server has seen it.
    pub generation: i64,
    /// When it was created; the oldest claim to a route wins.
    pub created: Option<Timestamp>,
    /// `mcpruntime.org/paused: "true"`.
    pub paused: bool,
    /// Empty without a team.
    pub team_id: String,
    /// For people.
    pub description: String,
    /// Reference the container runs, registry and tag resolved; `None` for external workloads only.
    pub image: Option<String>,
    /// Secrets to pull it with.
    pub image_pull_secrets: Vec<String>,
    /// Pods wanted.
    pub replicas: i32,
    /// The container's port.
    pub port: i32,
    /// The Service's port.
    pub service_port: i32,
    /// The route.
    pub ingress: Ingress,
    /// Of the server's container.
    pub resources: ResourceRequirements,
    /// Literal variables.
    pub env: Vec<EnvVar>,
    /// Variables from Secrets.
    pub secret_env: Vec<SecretEnvVar>,
    /// The proxy; `None` where it isn't enabled.
    pub gateway: Option<Gateway>,
    /// How callers are identified.
    pub auth: Auth,
    /// How it is decided.
    pub policy: PolicyRules,
    /// What is asked of sessions.
    pub session: SessionRules,
    /// The inventory.
    pub tools: Vec<Tool>,
    /// Where audit events go; `None` where there is nothing to send or nowhere to.
    pub analytics: Option<Analytics>,
    /// How pods are replaced.
    pub rollout: Rollout,
    /// Any replica may answer any request.
    pub stateless: bool,
    /// What the pods may call; `None`: anything.
    pub egress: Option<Vec<EgressRule>>,
    /// Who runs the pods.
    pub workload: Workload,
    /// What the spec asks for that nothing acts on yet.
    pub unsupported: Vec<Unsupported>,
    /// The author wrote an `ingressPath` that has no effect.
    pub(crate) ingress_path_unused: bool,
}

/// The route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ingress {
    /// Ingress class.
    pub class: String,
    /// Empty: every host.
    pub host: String,
    /// Prefix, with a leading slash and no trailing one.
    pub path: String,
    /// As the author gave them.
    pub annotations: BTreeMap<String, String>,
}

impl Server {
    /// Whether grants and sessions of a namespace count here.
    pub fn trusts(&self, namespace: &str) -> bool {
        self.namespace == namespace
    }
}

/// One literal variable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EnvVar {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// One variable from a Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SecretEnvVar {
    /// Its name.
    pub name: String,
    /// Where its value lies.
    pub secret: SecretKey,
}

/// One key of a Secret in the server's namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SecretKey {
    /// The Secret.
    pub name: String,
    /// The key in it.
    pub key: String,
}

/// The proxy in front of the server.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Gateway {
    /// An image of the platform's list; `None` for its first.
    pub image: Option<String>,
    /// Port the proxy listens on.
    pub port: i32,
    /// Where it sends requests.
    pub upstream_url: String,
    /// Empty: paths stay as they are.
    pub strip_prefix: String,
    /// Of the proxy's container.
    pub resources: ResourceRequirements,
    /// Namespaces whose pods may call it; empty: anyone.
    pub allow_from: Vec<String>,
    /// Namespaces whose pods may read its metrics; empty: anyone.
    pub monitoring_namespaces: Vec<String>,
}

/// Each of its namespaces and networks, at each of its ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EgressRule {
    /// With no network either: anyone.
    pub namespaces: Vec<String>,
    /// Such as `203.0.113.0/24`.
    pub cidrs: Vec<String>,
    /// Empty: every port.
    pub ports: Vec<EgressPort>,
}

/// A port of a pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EgressPort {
    /// Its number.
    pub port: i32,
    /// Its protocol.
    pub protocol: Protocol,
}

/// How callers are identified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Auth {
    /// The way.
    pub mode: AuthMode,
    /// Header with the person's id.
    pub human_id_header: String,
    /// Header with the agent's id.
    pub agent_id_header: String,
    /// Header with the team's id.
    pub team_id_header: String,
    /// Header with the session's name.
    pub session_id_header: String,
    /// Header with the bearer token.
    pub token_header: String,
    /// Empty outside oauth mode.
    pub issuer_url: String,
    /// Empty outside oauth mode.
    pub audience: String,
    /// Empty outside mtls mode.
    pub trust_domain: String,
}

/// How it is decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyRules {
    /// Enforced or observed.
    pub mode: PolicyMode,
    /// Where no grant speaks.
    pub default_decision: PolicyDecision,
    /// `call_tool`.
    pub enforce_on: String,
    /// A label.
    pub policy_version: String,
}

/// What is asked of sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionRules {
    /// Every exchange presents a live one.
    pub required: bool,
    /// `kubernetes`.
    pub store: String,
    /// Header with the session's name.
    pub header_name: String,
    /// Go duration.
    pub max_lifetime: String,
    /// Go duration.
    pub idle_timeout: String,
    /// Header the session's token goes upstream in.
    pub upstream_token_header: String,
}

/// One declared tool.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tool {
    /// As in `tools/call`.
    pub name: String,
    /// For people.
    pub description: String,
    /// Trust a caller needs.
    pub required_trust: Trust,
    /// What a call may do.
    pub side_effect: SideEffect,
    /// For people.
    pub risk_level: Option<RiskLevel>,
    /// For people.
    pub labels: BTreeMap<String, String>,
}

/// Where audit events go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Analytics {
    /// Where to.
    pub ingest_url: String,
    /// Written into the events.
    pub source: String,
    /// Written into the events.
    pub event_type: String,
    /// What they are sent with.
    pub api_key: Option<SecretKey>,
}

/// How pods are replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rollout {
    /// The way.
    pub strategy: RolloutStrategy,
    /// How many may be missing.
    pub max_unavailable: IntOrString,
    /// How many there may be too many.
    pub max_surge: IntOrString,
    /// The canary's share of the replicas; with strategy Canary.
    pub canary_replicas: Option<i32>,
    /// Seconds a pod goes on serving after it left the Service.
    pub drain_seconds: i32,
    /// When pods get a new proxy of the platform's.
    pub proxy_upgrade: ProxyUpgrade,
}

/// A field that is accepted and not acted on yet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unsupported {
    /// Stable, `unsupported_…`.
    pub code: WarningCode,
    /// Path of the field.
    pub field: &'static str,
    /// What happens instead.
    pub message: String,
    /// Every call is denied because of it.
    pub denies: bool,
}

impl std::fmt::Display for Unsupported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

/// Whom a grant or session speaks of. Empty fields match everyone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubjectIds {
    /// The person.
    pub human_id: String,
    /// The agent.
    pub agent_id: String,
    /// The team.
    pub team_id: String,
}

/// A valid grant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grant {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Generation of the spec.
    pub generation: i64,
    /// The server's name.
    pub server: String,
    /// The server's namespace, the grant's own where it gave none.
    pub server_namespace: String,
    /// As given; an empty team means the server's.
    pub subject: SubjectIds,
    /// The most trust it gives.
    pub max_trust: Trust,
    /// What the tools called may do.
    pub allowed_side_effects: Vec<SideEffect>,
    /// A label.
    pub policy_version: String,
    /// It neither allows nor denies.
    pub disabled: bool,
    /// All tools where empty.
    pub tool_rules: Vec<ToolRule>,
}

/// What a grant says of one tool.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolRule {
    /// The tool.
    pub name: String,
    /// Allowed or denied.
    pub decision: PolicyDecision,
    /// Raises what the tool requires.
    pub required_trust: Trust,
}

/// A valid session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Session {
    /// Its name, which the caller presents.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Generation of the spec.
    pub generation: i64,
    /// When it was created; `None` where no API server has seen it.
    pub created: Option<Timestamp>,
    /// The server's name.
    pub server: String,
    /// The server's namespace, the session's own where it gave none.
    pub server_namespace: String,
    /// As given; an empty team means the server's.
    pub subject: SubjectIds,
    /// The trust consented to.
    pub consented_trust: Trust,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// It denies from now on.
    pub revoked: bool,
    /// Where its token lies.
    pub upstream_token: Option<SecretKey>,
    /// A label.
    pub policy_version: String,
}
