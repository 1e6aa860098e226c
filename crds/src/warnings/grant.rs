//! Warnings about grants, by themselves and beside their server and its other grants.

use policy::SideEffect;

use super::{Lookup, SERVER_NOT_FOUND, WarningCode, not_trusted, warning};
use crate::{
    Grant, Server, Warning,
    parsed::{SubjectIds, Tool, ToolRule},
    words::PolicyDecision,
};

/// Warnings about a grant, beside its server as far as it is known and the other grants for that server.
pub fn grant_warnings<'a>(
    grant: &Grant,
    server: Lookup<'_>,
    others: impl IntoIterator<Item = &'a Grant>,
) -> Vec<Warning> {
    if !server.trusts(&grant.namespace, &grant.server_namespace) {
        return vec![not_trusted()];
    }
    let mut told = alone(grant);
    match server {
        Lookup::Unknown => {}
        Lookup::Missing => told.push(warning(WarningCode::ServerNotFound, SERVER_NOT_FOUND)),
        Lookup::Found(server) => {
            told.extend(unknown_tools(grant, server));
            if !grant.disabled {
                let others = others_in_force(grant, others);
                told.extend(rules_beside(grant, server, &others));
                told.extend(whole_beside(grant, server));
                told.extend(overlap(grant, server, &others));
            }
        }
    }
    told
}

/// Of a server that is deleted while these grants name it.
pub fn deleted_with_grants(names: &[&str]) -> Warning {
    let first = names.first().copied().unwrap_or_default();
    let more = match names.len().saturating_sub(1) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    warning(
        WarningCode::DeletedWithGrants,
        format!(
            "MCPAccessGrant {first}{more} still names this server, and will count for the next one of its name"
        ),
    )
}

fn alone(grant: &Grant) -> Vec<Warning> {
    let subject = &grant.subject;
    let everyone = [&subject.human_id, &subject.agent_id, &subject.team_id]
        .iter()
        .all(|id| id.is_empty());
    let rules = &grant.tool_rules;
    let no_effects = !grant.disabled && grant.allowed_side_effects.is_empty();
    let mut told = Vec::new();
    if everyone {
        told.push(warning(
            WarningCode::GrantForEveryone,
            "spec.subject is empty: the grant is for every authenticated caller, of the server's team where it has one",
        ));
    }
    if no_effects && (rules.is_empty() || rules.iter().any(allows)) {
        told.push(warning(
            WarningCode::NoSideEffects,
            "spec.allowedSideEffects is empty: the grant allows no call at all; write those it is meant for, such as [read]",
        ));
    }
    if !rules.is_empty() && !rules.iter().any(allows) {
        told.push(warning(
            WarningCode::DenyOnlyGrant,
            "spec.toolRules only deny: with rules a grant allows just the tools that a rule allows, so this one allows none",
        ));
    }
    for (n, rule) in rules.iter().enumerate() {
        if !grant.disabled && allows(rule) && rule.required_trust > grant.max_trust {
            told.push(warning(
                WarningCode::RuleNeverApplies,
                format!(
                    "spec.toolRules[{n}].requiredTrust is {} and spec.maxTrust {}: this grant never lets {} be called",
                    rule.required_trust, grant.max_trust, rule.name
                ),
            ));
        }
    }
    told
}

/// Rules for tools that the server doesn't declare. A warning only at apply, since one commit may add both and
/// be applied in either order.
fn unknown_tools(grant: &Grant, server: &Server) -> Vec<Warning> {
    unknown_rules(grant, server)
        .map(|(n, tool)| {
            let Server { name, .. } = server;
            let remedy = unknown_remedy(server);
            warning(
                WarningCode::UnknownTool,
                format!(
                    "spec.toolRules[{n}].name: MCPServer {name} declares no tool {tool}; {remedy}"
                ),
            )
        })
        .collect()
}

/// How many tools a line has room for.
const NAMED: usize = 8;

/// What to write instead of a tool that the server doesn't declare.
pub(crate) fn unknown_remedy(server: &Server) -> String {
    let tools: Vec<&str> = server.tools.iter().map(|tool| tool.name.as_str()).collect();
    match tools.get(..NAMED).unwrap_or(&tools) {
        [] => "declare it in the server's spec.tools".to_owned(),
        some => {
            let more = match tools.len().saturating_sub(some.len()) {
                0 => String::new(),
                more => format!(" or {more} more"),
            };
            let some = some.join(", ");
            format!("write one of {some}{more}, or declare it in the server's spec.tools")
        }
    }
}

/// The tools of a grant's rules that the server doesn't declare, with the rule's place.
pub(crate) fn unknown_rules<'a>(
    grant: &'a Grant,
    server: &'a Server,
) -> impl Iterator<Item = (usize, &'a str)> {
    let rules = grant.tool_rules.iter().enumerate();
    rules
        .map(|(n, rule)| (n, rule.name.as_str()))
        .filter(|(_, name)| tool(server, name).is_none())
}

/// Rules that allow what never comes to pass.
fn rules_beside(grant: &Grant, server: &Server, others: &[&Grant]) -> Vec<Warning> {
    let mut told = Vec::new();
    for (n, rule) in grant.tool_rules.iter().enumerate() {
        let Some(tool) = tool(server, &rule.name).filter(|_| allows(rule)) else {
            continue;
        };
        if !grant.allowed_side_effects.contains(&tool.side_effect) {
            if !grant.allowed_side_effects.is_empty() {
                told.push(not_allowed(n, tool));
            }
        } else if let Some(other) = denied_by(grant, &tool.name, others) {
            told.push(warning(
                WarningCode::RuleNeverApplies,
                format!(
                    "spec.toolRules[{n}]: MCPAccessGrant {other} denies {} to the same callers, and a denial wins",
                    tool.name
                ),
            ));
        }
    }
    told
}

fn not_allowed(n: usize, tool: &Tool) -> Warning {
    warning(
        WarningCode::RuleSideEffectNotAllowed,
        format!(
            "spec.toolRules[{n}]: {} has side effect {}, which isn't in spec.allowedSideEffects; the rule allows no call",
            tool.name, tool.side_effect
        ),
    )
}

/// What can be said of all the tools that the grant lets through.
fn whole_beside(grant: &Grant, server: &Server) -> Vec<Warning> {
    let reached: Vec<&Tool> = reached(grant, server).collect();
    let highest = reached.iter().map(|tool| tool.required_trust).min();
    match highest {
        Some(least) if least > grant.max_trust => vec![warning(
            WarningCode::MaxTrustTooLow,
            format!(
                "spec.maxTrust is {}: each tool that the grant allows requires {least} at least, so it allows no call",
                grant.max_trust
            ),
        )],
        Some(_) => trust_beside(grant, &reached),
        None if grant.tool_rules.is_empty()
            && !grant.allowed_side_effects.is_empty()
            && !server.tools.is_empty() =>
        {
            let effects: Vec<&str> = grant
                .allowed_side_effects
                .iter()
                .map(|effect| SideEffect::as_str(*effect))
                .collect();
            vec![warning(
                WarningCode::NoToolMatches,
                format!(
                    "spec.allowedSideEffects: MCPServer {} declares no tool with side effect {}, so the grant allows no call",
                    server.name,
                    effects.join(" or ")
                ),
            )]
        }
        None => Vec::new(),
    }
}

/// Rules for tools that require more than the grant gives, where it gives enough for others.
fn trust_beside(grant: &Grant, reached: &[&Tool]) -> Vec<Warning> {
    let rules = grant.tool_rules.iter().enumerate();
    rules
        .filter_map(|(n, rule)| {
            let tool = reached.iter().find(|tool| tool.name == rule.name)?;
            (tool.required_trust > grant.max_trust).then(|| {
                warning(
                    WarningCode::RuleNeverApplies,
                    format!(
                        "spec.toolRules[{n}]: {} requires trust {} and spec.maxTrust is {}: this grant never lets it be called",
                        tool.name, tool.required_trust, grant.max_trust
                    ),
                )
            })
        })
        .collect()
}

/// Another grant in force for the same caller, or for more callers and this one among them, that lets one of the
/// same tools through.
fn overlap(grant: &Grant, server: &Server, others: &[&Grant]) -> Option<Warning> {
    let covering = others
        .iter()
        .filter(|other| covers(&other.subject, &grant.subject));
    let (other, tool) = covering.into_iter().find_map(|other| {
        let tool = reached(grant, server)
            .find(|tool| reached(other, server).any(|same| same.name == tool.name))?;
        Some((other, tool))
    })?;
    let whom = if other.subject == grant.subject {
        "the same caller"
    } else {
        "this caller among others"
    };
    Some(warning(
        WarningCode::GrantsOverlap,
        format!(
            "spec.subject: MCPAccessGrant {} allows {whom} {} too; the higher maxTrust of the two counts, and \
             disabling one leaves the other",
            other.name, tool.name
        ),
    ))
}

/// The grant that denies a tool to everyone whom `grant` allows it.
fn denied_by<'a>(grant: &Grant, tool: &str, others: &[&'a Grant]) -> Option<&'a str> {
    let denies = |other: &&&Grant| {
        covers(&other.subject, &grant.subject)
            && other
                .tool_rules
                .iter()
                .any(|rule| rule.name == tool && !allows(rule))
    };
    others.iter().find(denies).map(|other| other.name.as_str())
}

/// Those of the same namespace: of others' the author learns nothing.
fn others_in_force<'a>(
    grant: &Grant,
    others: impl IntoIterator<Item = &'a Grant>,
) -> Vec<&'a Grant> {
    let is_beside = |other: &&Grant| {
        !other.disabled
            && other.namespace == grant.namespace
            && other.name != grant.name
            && (&other.server_namespace, &other.server) == (&grant.server_namespace, &grant.server)
    };
    others.into_iter().filter(is_beside).collect()
}

/// Everyone whom `narrow` matches is matched by `wide`.
fn covers(wide: &SubjectIds, narrow: &SubjectIds) -> bool {
    let within = |wide: &str, narrow: &str| wide.is_empty() || wide == narrow;
    within(&wide.human_id, &narrow.human_id)
        && within(&wide.agent_id, &narrow.agent_id)
        && within(&wide.team_id, &narrow.team_id)
}

/// The declared tools that rules and side effects let through.
pub(crate) fn reached<'a>(grant: &'a Grant, server: &'a Server) -> impl Iterator<Item = &'a Tool> {
    server.tools.iter().filter(|tool| {
        let rule = grant.tool_rules.iter().find(|rule| rule.name == tool.name);
        let by_rule = rule.map_or(grant.tool_rules.is_empty(), allows);
        by_rule && grant.allowed_side_effects.contains(&tool.side_effect)
    })
}

fn tool<'a>(server: &'a Server, name: &str) -> Option<&'a Tool> {
    server.tools.iter().find(|tool| tool.name == name)
}

fn allows(rule: &ToolRule) -> bool {
    rule.decision == PolicyDecision::Allow
}
