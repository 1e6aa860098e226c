//! [`Document`] to [`Policy`]: all of it, or the first thing that is wrong with it.

mod items;

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use super::auth::{AuthSettings, or};
use super::error::PolicyError;
use super::values::field;
use super::{Needs, Policy, SessionSettings, Tool};
use crate::{Document, Parsed, ReadShard, SideEffect, Trust, no_shards};
use items::Items;

impl TryFrom<&Parsed> for Policy {
    type Error = PolicyError;

    /// As from the document, but refused where it has members this version doesn't know.
    fn try_from(parsed: &Parsed) -> Result<Self, PolicyError> {
        Self::with_shards(parsed, &no_shards)
    }
}

impl TryFrom<&Document> for Policy {
    type Error = PolicyError;

    /// Of a document whose sessions are all in it; one with shards is refused.
    fn try_from(document: &Document) -> Result<Self, PolicyError> {
        Self::of(document, &no_shards)
    }
}

impl Policy {
    /// Of a document and the shards it lists; refused where either has members this version
    /// doesn't know.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong. [`PolicyError::Shard`] says that the document itself is
    /// valid.
    pub fn with_shards(parsed: &Parsed, shards: &ReadShard<'_>) -> Result<Self, PolicyError> {
        if parsed.unknown.is_empty() {
            Self::of(&parsed.document, shards)
        } else {
            Err(PolicyError::UnknownMembers(parsed.unknown.clone()))
        }
    }

    /// Of a document and the shards it lists.
    ///
    /// # Errors
    ///
    /// As [`Policy::with_shards`].
    pub fn of(document: &Document, shards: &ReadShard<'_>) -> Result<Self, PolicyError> {
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
        let mut items = Items::of(document);
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
            grants: items.grants()?,
            sessions: items.sessions(&session, shards)?,
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
