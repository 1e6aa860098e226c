//! Grants: whether they count, and how they are written.

use crate::{
    Grant, MCPAccessGrant, Server, parse_grant,
    parsed::SubjectIds,
    warnings::{reached, unknown_rules},
    words::PolicyDecision,
};

use super::item::{ItemReason, ItemState, foreign, refers_to, team};

/// A grant's state and what is written of it. `None` where it names another server.
pub(super) fn state(
    server: &Server,
    object: &MCPAccessGrant,
) -> Option<(ItemState, Option<policy::Grant>)> {
    if !refers_to(&object.metadata, &object.spec.server_ref, server) {
        return None;
    }
    if let Some(foreign) = foreign(&object.metadata, server) {
        return Some((foreign, None));
    }
    Some(match parse_grant(object) {
        Ok(grant) => {
            let (reason, message) = reason_of(&grant, server);
            let state = ItemState {
                included: true,
                matched_tools: matched_tools(&grant, server),
                ..ItemState::new(&object.metadata, reason, message)
            };
            (state, Some(written(&grant, server)))
        }
        Err(problems) => {
            let denials = denials_of(object, server);
            let mut message = problems.to_string();
            if denials.is_some() {
                message.push_str("; of this grant only what it denies is in force");
            }
            let state = ItemState {
                included: denials.is_some(),
                ..ItemState::new(&object.metadata, ItemReason::Invalid, message)
            };
            (state, denials)
        }
    })
}

fn reason_of(grant: &Grant, server: &Server) -> (ItemReason, String) {
    if grant.disabled {
        return (ItemReason::Disabled, "spec.disabled is true".into());
    }
    let unknown: Vec<&str> = unknown_rules(grant, server).map(|(_, name)| name).collect();
    if unknown.is_empty() {
        (ItemReason::Active, String::new())
    } else {
        (
            ItemReason::UnknownTool,
            format!("the server declares no tool {}", unknown.join(", ")),
        )
    }
}

fn matched_tools(grant: &Grant, server: &Server) -> i64 {
    let tools = reached(grant, server).filter(|_| !grant.disabled);
    i64::try_from(tools.count()).unwrap_or(i64::MAX)
}

fn written(grant: &Grant, server: &Server) -> policy::Grant {
    policy::Grant {
        name: grant.name.clone(),
        namespace: grant.namespace.clone(),
        human_id: grant.subject.human_id.clone(),
        agent_id: grant.subject.agent_id.clone(),
        team_id: team(&grant.subject, server).to_owned(),
        max_trust: grant.max_trust.to_string(),
        allowed_side_effects: grant
            .allowed_side_effects
            .iter()
            .map(ToString::to_string)
            .collect(),
        policy_version: grant.policy_version.clone(),
        disabled: grant.disabled,
        tool_rules: grant
            .tool_rules
            .iter()
            .map(|rule| policy::ToolRule {
                name: rule.name.clone(),
                decision: rule.decision.to_string(),
                required_trust: rule.required_trust.to_string(),
            })
            .collect(),
    }
}

/// What a grant that can't be read forbids: leaving it out altogether would open what it closes.
fn denials_of(object: &MCPAccessGrant, server: &Server) -> Option<policy::Grant> {
    let spec = &object.spec;
    let denied: Vec<_> = spec
        .tool_rules
        .iter()
        .filter(|rule| {
            rule.decision.as_deref() != Some(PolicyDecision::Allow.as_str())
                && !rule.name.is_empty()
        })
        .map(|rule| policy::ToolRule {
            name: rule.name.clone(),
            decision: PolicyDecision::Deny.to_string(),
            required_trust: String::new(),
        })
        .collect();
    if denied.is_empty() || spec.disabled == Some(true) {
        return None;
    }
    let given = |text: &Option<String>| text.clone().unwrap_or_default();
    let subject = SubjectIds {
        human_id: given(&spec.subject.human_id),
        agent_id: given(&spec.subject.agent_id),
        team_id: given(&spec.subject.team_id),
    };
    Some(policy::Grant {
        name: given(&object.metadata.name),
        namespace: given(&object.metadata.namespace),
        team_id: team(&subject, server).to_owned(),
        human_id: subject.human_id,
        agent_id: subject.agent_id,
        max_trust: policy::Trust::Low.to_string(),
        tool_rules: denied,
        ..policy::Grant::default()
    })
}
