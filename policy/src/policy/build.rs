//! [`Document`] to [`Policy`]: all of it, or the first thing that is wrong with it.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::auth::{AuthSettings, or};
use super::error::PolicyError;
use super::grants::{Audience, Grant, Grants, Rule, SideEffects};
use super::sessions::{Session, Sessions};
use super::values::field;
use super::{Needs, Policy, SessionSettings, Tool};
use crate::{Document, ItemId, Parsed, SideEffect, Trust, document};

impl TryFrom<&Parsed> for Policy {
    type Error = PolicyError;

    /// As from the document, but refused where it has members this version doesn't know.
    fn try_from(parsed: &Parsed) -> Result<Self, PolicyError> {
        if parsed.unknown.is_empty() {
            Self::try_from(&parsed.document)
        } else {
            Err(PolicyError::UnknownMembers(parsed.unknown.clone()))
        }
    }
}

impl TryFrom<&Document> for Policy {
    type Error = PolicyError;

    fn try_from(document: &Document) -> Result<Self, PolicyError> {
        if document.schema_version != "v1" {
            return Err(PolicyError::SchemaVersion(document.schema_version.clone()));
        }
        let revision = revision(document)?;
        field(&document.server.name, || "server.name".into()).item_name()?;
        field(&document.server.namespace, || "server.namespace".into()).item_name()?;
        let auth = AuthSettings::of(document);
        for (path, name) in auth.headers() {
            field(name, || path.into()).header_name()?;
        }
        let section = document.policy.clone().unwrap_or_default();
        let session = session_settings(document)?;
        Ok(Self {
            revision: revision.into(),
            namespace: document.server.namespace.as_str().into(),
            server: document.server.clone(),
            auth,
            observe: field(&section.mode, || "policy.mode".into()).one_of(
                &[("", false), ("allow-list", false), ("observe", true)],
                "allow-list or observe",
            )?,
            default_allow: field(&section.default_decision, || {
                "policy.default_decision".into()
            })
            .one_of(
                &[("", false), ("deny", false), ("allow", true)],
                "deny or allow",
            )?,
            governs_all: field(&section.enforce_on, || "policy.enforce_on".into()).one_of(
                &[("", false), ("call_tool", false), ("all", true)],
                "call_tool or all",
            )?,
            lists_all: field(&section.listing, || "policy.listing".into()).one_of(
                &[("", false), ("allowed", false), ("all", true)],
                "allowed or all",
            )?,
            policy_version: text(&section.policy_version),
            tools: tools(document)?,
            prompts: needs(
                document
                    .prompts
                    .iter()
                    .map(|p| ("prompts", &p.name, &p.required_trust, &p.side_effect)),
            )?,
            resources: needs(
                document
                    .resources
                    .iter()
                    .map(|r| ("resources", &r.uri, &r.required_trust, &r.side_effect)),
            )?,
            grants: grants(document)?,
            sessions: sessions(document, &session)?,
            session,
        })
    }
}

fn revision(document: &Document) -> Result<String, PolicyError> {
    let computed = document.compute_revision();
    if document.revision.is_empty() || document.revision == computed {
        Ok(computed)
    } else {
        Err(PolicyError::Revision {
            found: document.revision.clone(),
            computed,
        })
    }
}

fn session_settings(document: &Document) -> Result<SessionSettings, PolicyError> {
    let section = document.session.clone().unwrap_or_default();
    let upstream_token_header = or(&section.upstream_token_header, "Authorization");
    field(&upstream_token_header, || {
        "session.upstream_token_header".into()
    })
    .header_name()?;
    // The Go project never read the two durations: what was never enforced is never refused.
    let enforced = section.enforce_limits;
    let limit = |value: &str, path: &str| {
        if enforced {
            field(value, || path.into()).duration()
        } else {
            Ok(None)
        }
    };
    Ok(SessionSettings {
        required: section.required,
        max_lifetime: limit(&section.max_lifetime, "session.max_lifetime")?,
        idle_timeout: limit(&section.idle_timeout, "session.idle_timeout")?,
        upstream_token_header,
    })
}

fn tools(document: &Document) -> Result<HashMap<Arc<str>, Tool>, PolicyError> {
    unique(document.tools.iter().enumerate().map(|(i, tool)| {
        let at = |member: &str| format!("tools[{}].{member}", tool.name);
        if tool.name.is_empty() {
            return Err(PolicyError::Missing {
                path: format!("tools[{i}].name"),
            });
        }
        let required_trust = field(&tool.required_trust, || at("required_trust")).trust()?;
        let side_effect = field(&tool.side_effect, || at("side_effect")).side_effect()?;
        let declared = field(&tool.risk_level, || at("risk_level")).one_of(
            &[
                ("", None),
                ("low", Some("low")),
                ("medium", Some("medium")),
                ("high", Some("high")),
            ],
            "low, medium or high",
        )?;
        let risk_level = declared
            .or_else(|| derived_risk(required_trust, side_effect))
            .map(Arc::from);
        let read = Tool {
            required_trust,
            side_effect,
            risk_level,
        };
        Ok((
            tool.name.as_str().into(),
            read,
            format!("tools[{}]", tool.name),
        ))
    }))
}

/// The risk of a tool that declares none, as the Go project derives it.
const fn derived_risk(trust: Trust, side_effect: Option<SideEffect>) -> Option<&'static str> {
    match (trust, side_effect) {
        (Trust::High, _) | (_, Some(SideEffect::Destructive)) => Some("high"),
        (Trust::Medium, _) | (_, Some(SideEffect::Write)) => Some("medium"),
        (Trust::Low, Some(SideEffect::Read)) => Some("low"),
        (Trust::Low, None) => None,
    }
}

/// Prompts or resources: (section, name, required trust, side effect).
fn needs<'a>(
    items: impl Iterator<Item = (&'static str, &'a String, &'a String, &'a String)>,
) -> Result<HashMap<Arc<str>, Needs>, PolicyError> {
    unique(
        items
            .enumerate()
            .map(|(i, (section, name, trust, side_effect))| {
                let at = |member: &str| format!("{section}[{name}].{member}");
                if name.is_empty() {
                    return Err(PolicyError::Missing {
                        path: format!("{section}[{i}]"),
                    });
                }
                let read = Needs {
                    required_trust: field(trust, || at("required_trust")).trust()?,
                    side_effect: field(side_effect, || at("side_effect"))
                        .side_effect()?
                        .unwrap_or(SideEffect::Read),
                };
                Ok((name.as_str().into(), read, format!("{section}[{name}]")))
            }),
    )
}

fn grants(document: &Document) -> Result<Grants, PolicyError> {
    let mut seen = HashMap::new();
    let mut grants = Vec::with_capacity(document.grants.len());
    for (i, grant) in document.grants.iter().enumerate() {
        let id = item("grants", i, document, &grant.namespace, &grant.name)?;
        let path = path_of("grants", &id);
        if seen.insert(id.clone(), ()).is_some() {
            return Err(PolicyError::Twice { path });
        }
        let at = |member: &str| format!("{path}.{member}");
        let mut side_effects = SideEffects::default();
        for effect in &grant.allowed_side_effects {
            match field(effect, || at("allowed_side_effects")).side_effect()? {
                Some(effect) => side_effects.insert(effect),
                None => {
                    return Err(PolicyError::Missing {
                        path: at("allowed_side_effects[]"),
                    });
                }
            }
        }
        let audience = audience(document, &grant.human_id, &grant.agent_id, &grant.team_id);
        let read = Grant {
            max_trust: field(&grant.max_trust, || at("max_trust")).trust()?,
            rules: rules(&path, &grant.tool_rules)?,
            policy_version: text(&grant.policy_version),
            disabled: grant.disabled,
            withdrawn: false,
            side_effects,
            id,
        };
        grants.push((audience, read));
    }
    Ok(Grants::new(grants))
}

fn rules(
    grant: &str,
    rules: &[document::ToolRule],
) -> Result<BTreeMap<Arc<str>, Rule>, PolicyError> {
    let mut read = BTreeMap::new();
    for (i, rule) in rules.iter().enumerate() {
        if rule.name.is_empty() {
            return Err(PolicyError::Missing {
                path: format!("{grant}.tool_rules[{i}].name"),
            });
        }
        let at = |member: &str| format!("{grant}.tool_rules[{}].{member}", rule.name);
        let trust = field(&rule.required_trust, || at("required_trust")).trust()?;
        let says = field(&rule.decision, || at("decision")).one_of(
            &[
                ("", Rule::Allow(trust)),
                ("allow", Rule::Allow(trust)),
                ("deny", Rule::Deny),
            ],
            "allow or deny",
        )?;
        if read.insert(rule.name.as_str().into(), says).is_some() {
            return Err(PolicyError::Twice {
                path: format!("{grant}.tool_rules[{}]", rule.name),
            });
        }
    }
    Ok(read)
}

fn sessions(document: &Document, settings: &SessionSettings) -> Result<Sessions, PolicyError> {
    let mut sessions = Sessions::default();
    for (i, session) in document.sessions.iter().enumerate() {
        let id = item("sessions", i, document, &session.namespace, &session.name)?;
        let path = path_of("sessions", &id);
        let at = |member: &str| format!("{path}.{member}");
        let read = Session {
            audience: audience(
                document,
                &session.human_id,
                &session.agent_id,
                &session.team_id,
            ),
            consented_trust: field(&session.consented_trust, || at("consented_trust")).trust()?,
            revoked: session.revoked,
            ends_at: ends_at(session, settings, at)?,
            upstream_token_ref: text(&session.upstream_token_ref),
            id,
        };
        if !sessions.insert(read) {
            return Err(PolicyError::Twice { path });
        }
    }
    for revoked in &document.revoked_sessions {
        sessions.revoke(namespace_of(document, &revoked.namespace), &revoked.name);
    }
    Ok(sessions)
}

fn ends_at(
    session: &document::Session,
    settings: &SessionSettings,
    at: impl Fn(&str) -> String,
) -> Result<Option<Timestamp>, PolicyError> {
    let expires = field(&session.expires_at, || at("expires_at")).timestamp()?;
    let Some(lifetime) = settings.max_lifetime else {
        return Ok(expires);
    };
    let created = field(&session.created_at, || at("created_at")).timestamp()?;
    let Some(created) = created else {
        return Err(PolicyError::Missing {
            path: at("created_at"),
        });
    };
    // Past the calendar's end is never.
    let lived = SignedDuration::try_from(lifetime)
        .ok()
        .and_then(|lifetime| created.checked_add(lifetime).ok());
    Ok(match (expires, lived) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    })
}

/// An empty team is the server's, where the server has one.
fn audience(document: &Document, human: &str, agent: &str, team: &str) -> Audience {
    Audience {
        human: human.into(),
        agent: agent.into(),
        team: or(team, &document.server.team_id),
    }
}

/// An item without a namespace is in the server's own.
fn namespace_of<'a>(document: &'a Document, namespace: &'a str) -> &'a str {
    if namespace.is_empty() {
        &document.server.namespace
    } else {
        namespace
    }
}

fn item(
    section: &str,
    index: usize,
    document: &Document,
    namespace: &str,
    name: &str,
) -> Result<ItemId, PolicyError> {
    let namespace = namespace_of(document, namespace);
    field(name, || format!("{section}[{index}].name")).item_name()?;
    field(namespace, || format!("{section}[{index}].namespace")).item_name()?;
    Ok(ItemId {
        namespace: namespace.into(),
        name: name.into(),
    })
}

fn path_of(section: &str, id: &ItemId) -> String {
    format!("{section}[{id}]")
}

fn text(value: &str) -> Option<Arc<str>> {
    (!value.is_empty()).then(|| value.into())
}

/// A map of items (key, value, path), each key once.
fn unique<K: Eq + Hash, V>(
    items: impl Iterator<Item = Result<(K, V, String), PolicyError>>,
) -> Result<HashMap<K, V>, PolicyError> {
    let mut map = HashMap::new();
    for item in items {
        let (key, value, path) = item?;
        if map.insert(key, value).is_some() {
            return Err(PolicyError::Twice { path });
        }
    }
    Ok(map)
}
