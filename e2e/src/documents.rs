//! A policy document turned back into the objects that the operator compiles to it.

use policy::{Auth, Document, Grant, Session, Tool, ToolRule};
use serde_json::{Map, Value, json};

use crate::server::STATELESS_IMAGE;

/// MCPServer, grants and sessions that say what `document` says, in whatever namespace they are
/// created; `prefix` is the server's public path, unique in the cluster.
pub fn objects(document: &Document, prefix: &str) -> Vec<Value> {
    let name = document.server.name.as_str();
    let mut objects = vec![server(document, prefix)];
    objects.extend(document.grants.iter().map(|item| grant(item, name)));
    objects.extend(document.sessions.iter().map(|item| session(item, name)));
    objects
}

fn server(document: &Document, prefix: &str) -> Value {
    let mut auth = document.auth.clone().unwrap_or_default();
    complete(&mut auth);
    let policy = document.policy.clone().unwrap_or_default();
    let session = document.session.clone().unwrap_or_default();
    json!({
        "apiVersion": "mcpruntime.org/v1alpha1",
        "kind": "MCPServer",
        "metadata": {"name": document.server.name},
        "spec": given([
            ("image", json!(STATELESS_IMAGE)),
            ("stateless", json!(true)),
            ("teamID", json!(document.server.team_id)),
            ("publicPathPrefix", json!(prefix)),
            ("resources", json!({"requests": {"cpu": "5m", "memory": "16Mi"}})),
            ("gateway", json!({"enabled": true})),
            ("auth", given([
                ("mode", json!(auth.mode)),
                ("humanIDHeader", json!(auth.human_id_header)),
                ("agentIDHeader", json!(auth.agent_id_header)),
                ("teamIDHeader", json!(auth.team_id_header)),
                ("sessionIDHeader", json!(auth.session_id_header)),
                ("issuerURL", json!(auth.issuer_url)),
                ("audience", json!(auth.audience)),
                ("trustDomain", json!(auth.trust_domain)),
            ])),
            ("policy", given([
                ("mode", json!(policy.mode)),
                ("defaultDecision", json!(policy.default_decision)),
                ("enforceOn", json!(policy.enforce_on)),
                ("policyVersion", json!(policy.policy_version)),
            ])),
            ("session", given([
                ("required", json!(session.required)),
                ("headerName", json!(session.header_name)),
                ("maxLifetime", json!(session.max_lifetime)),
                ("idleTimeout", json!(session.idle_timeout)),
            ])),
            ("tools", Value::Array(document.tools.iter().map(tool).collect())),
        ]),
    })
}

/// What a server must say for its mode, and a document of the corpus needn't.
fn complete(auth: &mut Auth) {
    let fill = |field: &mut String, value: &str| {
        if field.is_empty() {
            value.clone_into(field);
        }
    };
    match auth.mode.as_str() {
        "oauth" => {
            fill(&mut auth.issuer_url, "https://issuer.example");
            fill(&mut auth.audience, "mcp");
        }
        "mtls" => fill(&mut auth.trust_domain, "example.org"),
        _ => {}
    }
}

fn tool(tool: &Tool) -> Value {
    given([
        ("name", json!(tool.name)),
        ("requiredTrust", json!(tool.required_trust)),
        ("sideEffect", json!(tool.side_effect)),
        ("riskLevel", json!(tool.risk_level)),
    ])
}

fn grant(grant: &Grant, server: &str) -> Value {
    json!({
        "apiVersion": "mcpruntime.org/v1alpha1",
        "kind": "MCPAccessGrant",
        "metadata": {"name": grant.name},
        "spec": given([
            ("serverRef", json!({"name": server})),
            ("subject", subject(&grant.human_id, &grant.agent_id, &grant.team_id)),
            ("maxTrust", json!(grant.max_trust)),
            ("allowedSideEffects", json!(grant.allowed_side_effects)),
            ("policyVersion", json!(grant.policy_version)),
            ("disabled", json!(grant.disabled)),
            ("toolRules", Value::Array(grant.tool_rules.iter().map(rule).collect())),
        ]),
    })
}

fn rule(rule: &ToolRule) -> Value {
    given([
        ("name", json!(rule.name)),
        ("decision", json!(rule.decision)),
        ("requiredTrust", json!(rule.required_trust)),
    ])
}

fn session(session: &Session, server: &str) -> Value {
    json!({
        "apiVersion": "mcpruntime.org/v1alpha1",
        "kind": "MCPAgentSession",
        "metadata": {"name": session.name},
        "spec": given([
            ("serverRef", json!({"name": server})),
            ("subject", subject(&session.human_id, &session.agent_id, &session.team_id)),
            ("consentedTrust", json!(session.consented_trust)),
            ("expiresAt", json!(session.expires_at)),
            ("revoked", json!(session.revoked)),
            ("policyVersion", json!(session.policy_version)),
        ]),
    })
}

fn subject(human: &str, agent: &str, team: &str) -> Value {
    let given = given([
        ("humanID", json!(human)),
        ("agentID", json!(agent)),
        ("teamID", json!(team)),
    ]);
    if given.is_null() { json!({}) } else { given }
}

/// An object of the members that aren't empty; null where none is left.
fn given<const N: usize>(members: [(&str, Value); N]) -> Value {
    let kept: Map<String, Value> = members
        .into_iter()
        .filter(|(_, value)| match value {
            Value::Null | Value::Bool(false) => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            _ => true,
        })
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    if kept.is_empty() {
        Value::Null
    } else {
        Value::Object(kept)
    }
}
