//! Grants and sessions, after their checks.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use policy::{SideEffect, Trust};

use crate::{
    Grant, MCPAccessGrant, MCPAgentSession, Session,
    grant::{ServerRef, SubjectSpec, ToolRuleSpec},
    parsed::{SecretKey, SubjectIds, ToolRule},
    words::{self, PolicyDecision},
};

pub(super) fn grant(object: &MCPAccessGrant) -> Grant {
    let spec = &object.spec;
    let (server, server_namespace) = server_of(&object.metadata, &spec.server_ref);
    Grant {
        name: object.metadata.name.clone().unwrap_or_default(),
        namespace: object.metadata.namespace.clone().unwrap_or_default(),
        generation: object.metadata.generation.unwrap_or_default(),
        server,
        server_namespace,
        subject: subject(&spec.subject),
        max_trust: trust(spec.max_trust.as_deref()),
        allowed_side_effects: side_effects(&spec.allowed_side_effects),
        policy_version: spec.policy_version.clone().unwrap_or_default(),
        disabled: spec.disabled.unwrap_or_default(),
        tool_rules: spec.tool_rules.iter().map(tool_rule).collect(),
    }
}

pub(super) fn session(object: &MCPAgentSession) -> Session {
    let spec = &object.spec;
    let (server, server_namespace) = server_of(&object.metadata, &spec.server_ref);
    let token = spec.upstream_token_secret_ref.as_ref();
    let created = object.metadata.creation_timestamp.as_ref();
    Session {
        name: object.metadata.name.clone().unwrap_or_default(),
        namespace: object.metadata.namespace.clone().unwrap_or_default(),
        generation: object.metadata.generation.unwrap_or_default(),
        created: created.map(|time| time.0),
        server,
        server_namespace,
        subject: subject(&spec.subject),
        consented_trust: trust(spec.consented_trust.as_deref()),
        expires_at: spec
            .expires_at
            .as_deref()
            .and_then(|time| time.parse::<Timestamp>().ok()),
        revoked: spec.revoked.unwrap_or_default(),
        upstream_token: token.map(|key| SecretKey {
            name: key.name.clone(),
            key: key.key.clone(),
        }),
        policy_version: spec.policy_version.clone().unwrap_or_default(),
    }
}

/// The server's name and namespace; the object's own namespace where the reference gives none.
fn server_of(metadata: &ObjectMeta, reference: &ServerRef) -> (String, String) {
    let given = reference
        .namespace
        .clone()
        .filter(|namespace| !namespace.is_empty());
    let namespace = given.or_else(|| metadata.namespace.clone());
    (reference.name.clone(), namespace.unwrap_or_default())
}

fn subject(spec: &SubjectSpec) -> SubjectIds {
    SubjectIds {
        human_id: spec.human_id.clone().unwrap_or_default(),
        agent_id: spec.agent_id.clone().unwrap_or_default(),
        team_id: spec.team_id.clone().unwrap_or_default(),
    }
}

/// Words were checked; one that got past is read as what allows least.
fn trust(word: Option<&str>) -> Trust {
    word.and_then(words::trust).unwrap_or(Trust::Low)
}

fn side_effects(words: &[String]) -> Vec<SideEffect> {
    words
        .iter()
        .filter_map(|word| words::side_effect(word))
        .collect()
}

fn tool_rule(rule: &ToolRuleSpec) -> ToolRule {
    ToolRule {
        name: rule.name.clone(),
        decision: rule
            .decision
            .as_deref()
            .and_then(PolicyDecision::from_word)
            .unwrap_or(PolicyDecision::Deny),
        required_trust: trust(rule.required_trust.as_deref()),
    }
}
